"""Lookahead: Zhang, Lucas, Hinton & Ba, "Lookahead optimizer: k steps forward, 1 step back", NeurIPS 2019.

arXiv:1907.08610.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import At, Params, Regularizer, hookimpl


class Slow(NamedTuple):
    """The slow weights."""

    slow: Params


def lookahead(k: int = 5, alpha: float = 0.5) -> Regularizer:
    """After every `k` steps, move slow weights a share `alpha` towards the trained weights, and train on from there.

        every k steps:  slow <- slow + alpha (theta - slow),  theta <- slow

    The slow weights start at the initialisation. The moments of the task's optimizer are kept, as in the authors' code
    by default. One deviation: evaluations use the trained (fast) weights; the authors evaluate the slow ones. After
    every k-th step both are equal.

    ValueError unless `k` is at least 1 and 0 < `alpha` <= 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha must be above 0 and at most 1, got {alpha}")
    return Regularizer(init=init, project=partial(project, k=k, alpha=alpha), neutral={"alpha": 1.0}, rotates=True)


def init(params: Params) -> Slow:
    """The initial weights."""
    return Slow({name: p.clone() for name, p in params.items()})


def project(params: Params, state: Slow, at: At, *, k: int, alpha: float) -> tuple[Params, Slow]:
    """Move the slow weights, and set the trained weights to them, in every k-th step."""
    due = (at.step + 1) % k == 0
    slow = {name: torch.where(due, torch.lerp(s, params[name], alpha), s) for name, s in state.slow.items()}
    return {name: torch.where(due, slow[name], p) for name, p in params.items()}, Slow(slow)


@hookimpl
def grokbench_regularizers():
    yield lookahead
