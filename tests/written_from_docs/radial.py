"""Radial suppression, arXiv:2606.32000: hold the length of hidden activations at sqrt(d).

L + lambda mean over sites and examples of (1/d) (||h||_2 - sqrt(d))^2,    d the width of the activation h
"""

from functools import partial

import torch

from grokbench import Regularizer, hookimpl


def radial(strength: float = 0.05) -> Regularizer:
    """Add `strength` times the mean of (||h|| - sqrt(d))^2 / d over hidden sites and examples."""
    return Regularizer(penalty=partial(penalty, strength=strength), neutral={"strength": 0.0}, rotates=True)


def penalty(local, state, at, *, strength):
    return strength * torch.stack([deviation(h.flatten(1)) for h in local.hidden.values()]).mean()


def deviation(h):
    d = h.shape[1]
    return (torch.linalg.vector_norm(h, dim=1) - d**0.5).square().mean() / d


@hookimpl
def grokbench_regularizers():
    yield radial
