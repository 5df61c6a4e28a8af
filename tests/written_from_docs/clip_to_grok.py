"""Clip to grok: hold the norm of every unit's incoming weights at or below c.

w <- w min(1, c / ||w||) after each step; at the start w <- w c / ||w||. w: the incoming weights of one unit. Biases,
the head (role readout) and embeddings (role input, a matrix, where the inputs are tokens) are left alone.
"""

from functools import partial

import torch

from grokbench import Regularizer, hookimpl


def my_clip_to_grok(c: float = 2.0) -> Regularizer:
    """Set each unit's incoming weights to norm `c` at the start, and clip them to it after each step.

    Raises:
        ValueError: `c` is not positive.
    """
    if c <= 0.0:
        raise ValueError(f"c must be above 0, got {c}")
    return Regularizer(prepare=partial(prepare, c=c), project=partial(project, c=c), rotates=True)


def prepare(params, task, train, key, *, c):
    return {n: p * c / norm(p) if clips(task.roles[n], p, train) else p for n, p in params.items()}


def project(params, state, at, *, c):
    clipped = {n: p * (c / norm(p)).clamp_max(1.0) for n, p in params.items() if clips(at.roles[n], p, at.batch)}
    return params | clipped, state


def clips(role, p, batch):
    return role == "hidden" or (role == "input" and (p.ndim > 2 or batch.inputs.is_floating_point()))


def norm(p):  # matrices are (fan_in, fan_out), kernels (filters, channels, height, width)
    return torch.linalg.vector_norm(p, dim=0 if p.ndim == 2 else (1, 2, 3), keepdim=True).clamp_min(1e-30)


@hookimpl
def grokbench_regularizers():
    yield my_clip_to_grok
