"""Clip to Grok: NiftyliuS, "Clip to Grok: weight norm clipping for accelerated generalization", 2026.

https://github.com/NiftyliuS/cliptogrok. A bound on the norm of every unit's incoming weights takes the place of weight
decay. A unit's incoming weights are a row of a torch weight, and a column of the (fan_in, fan_out) matrices used here.
"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from grokbench import At, Batch, Params, Regularizer, Role, Task, hookimpl

TINY = 1e-8  # least norm before a division, as in the authors' code


def clip_to_grok(c: float = 2.0, start: Literal["all", "unchanged"] = "all") -> Regularizer:
    """Keep the norm of every unit's incoming weights w at or below `c`; at the start, set it to `c`.

        after each step:  w <- w min(1, c / ||w||)        at the start:  w <- w c / ||w||

    As in the authors' code, the start rescales every tensor, and the clipping leaves token embeddings and the readout
    free. A row of an embedding is one token's vector, and a bias counts as a single row. `c` is 2 in the authors' code;
    their scripts have 1 to 1.75 for tasks other than modular multiplication. `start="unchanged"` keeps the task's
    initialisation; for networks of four layers or more the authors rescale only embeddings and readout.

    Differences: position embeddings have the role of inputs, and are not clipped. A matrix that is applied to
    floating-point inputs is no embedding, and is clipped. The authors train without weight decay, by Lion, Adam or
    SignSGD. Here the task's optimizer and weight decay are kept; `optimizer: {weight_decay: 0}` in a suite removes the
    decay.

    ValueError unless `c` is above 0.
    """
    if c <= 0.0:
        raise ValueError(f"c must be positive, got {c}")
    return Regularizer(
        prepare=partial(prepare, c=c) if start == "all" else None,
        project=partial(project, c=c),
        neutral={"c": 1e30, "start": "unchanged"},
        rotates=True,
    )


def prepare(params: Params, task: Task, train: Batch, key: Tensor, *, c: float) -> Params:
    """Set the incoming weights of every unit to norm c."""
    del key
    return {name: p * (c / norms(p, is_embedding(p, task.roles[name], train))) for name, p in params.items()}


def project(params: Params, state: tuple[()], at: At, *, c: float) -> tuple[Params, tuple[()]]:
    """Shorten the incoming weights of every unit whose norm exceeds c."""
    free = [n for n, p in params.items() if at.roles[n] == "readout" or is_embedding(p, at.roles[n], at.batch)]
    factors = {name: (c / norms(p)).clamp_max(1.0) for name, p in params.items() if name not in free}
    return {name: p * factors.get(name, 1.0) for name, p in params.items()}, state


def norms(p: Tensor, embedding: bool = False) -> Tensor:
    """The norms of units, or of the vectors of an embedding, in a shape that broadcasts with the parameter."""
    if p.ndim == 4:  # (filters, channels, height, width)
        axes = [1, 2, 3]
    elif p.ndim == 2:
        axes = [1 if embedding else 0]
    else:
        axes = list(range(p.ndim))
    return torch.linalg.vector_norm(p, dim=axes, keepdim=True).clamp_min(TINY)


def is_embedding(p: Tensor, role: Role, batch: Batch) -> bool:
    """True for a table of token vectors; its inputs are integers."""
    return role == "input" and p.ndim == 2 and not batch.inputs.is_floating_point()


@hookimpl
def grokbench_regularizers():
    yield clip_to_grok
