"""Lookahead: Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", NeurIPS 2019, arXiv:1907.08610.

After every k-th update of the task's optimizer: slow <- slow + alpha (fast - slow), fast <- slow. slow starts at the
initialisation. The optimizer's own state is kept. Evaluations see the fast weights.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import Params, Regularizer, hookimpl


class State(NamedTuple):
    slow: Params


def my_lookahead(k: int = 5, alpha: float = 0.5) -> Regularizer:
    """Every `k` steps, move slow weights by `alpha` towards the trained ones, and go on from there.

    Raises:
        ValueError: `k` is not positive.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    return Regularizer(init=init, project=partial(project, k=k, alpha=alpha), neutral={"alpha": 1.0}, rotates=True)


def init(params):
    return State({name: p.clone() for name, p in params.items()})


def project(params, state, at, *, k, alpha):
    due = (at.step + 1) % k == 0  # at.step: updates before this one
    mixed = {name: torch.lerp(state.slow[name], p, alpha) for name, p in params.items()}
    slow = {name: torch.where(due, mixed[name], state.slow[name]) for name in params}
    return {name: torch.where(due, mixed[name], p) for name, p in params.items()}, State(slow)


@hookimpl
def grokbench_regularizers():
    yield my_lookahead
