"""Averaged weights: training is unchanged, and evaluations use a mean of the weights.

Exponential mean: Polyak & Juditsky, 1992, in the form of Tarvainen & Valpola, NeurIPS 2017, arXiv:1703.01780.
Equal weights: Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018,
arXiv:1803.05407.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from grokbench import At, Params, Regularizer, hookimpl


class Mean(NamedTuple):
    """The mean of the weights."""

    mean: Params


def ema(decay: float = 0.999) -> Regularizer:
    """Evaluate an exponential mean of the weights.

        mean <- decay mean + (1 - decay) theta        after every step

    As in `torch.optim.swa_utils`, the mean starts at the weights after the first step. It lags behind the
    weights by 1 / (1 - decay) steps, 1000 by default.

    ValueError unless 0 <= `decay` < 1.
    """
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay must be at least 0 and below 1, got {decay}")
    return averaging(partial(exponential, decay=decay), {"decay": 0.0})


def exponential(at: At, *, decay: float) -> Tensor:
    """The share of the current weights in the mean: 1 in the first step, then 1 - decay."""
    return 1.0 - decay * (at.step > 0).double()


def swa(start: int = 0) -> Regularizer:
    """Evaluate the mean of the weights at the ends of all epochs after the first `start` epochs.

        mean <- mean + (theta - mean) / (n + 1)        after epochs start + 1, start + 2, ...; n weights so far

    Until the first of these epochs ends, the weights themselves are evaluated. Izmailov et al. start after three
    quarters of the budget, and raise the learning rate to a constant or a cycle there. It is not known beforehand when
    a network will grok. By default, the mean therefore starts with training, and the learning rate stays the task's.

    ValueError if `start` is negative.
    """
    if start < 0:
        raise ValueError(f"start must not be negative, got {start}")
    return averaging(partial(equal, start=start))


def equal(at: At, *, start: int) -> Tensor:
    """The share of the current weights in the mean: 1 up to epoch `start`, then 1 / (n + 1) at the ends of epochs."""
    n = at.epoch - start
    ends = (at.step + 1) % at.steps_per_epoch == 0
    return torch.where(n < 0, 1.0, ends.double() / (n.clamp_min(0) + 1))


def averaging(share: partial[Tensor], neutral: dict[str, float] | None = None) -> Regularizer:
    """A method that, in every step, moves the mean by a share of its distance to the weights."""
    return Regularizer(
        init=init, project=partial(project, share=share), eval_params=averaged, neutral=neutral, rotates=True
    )


def init(params: Params) -> Mean:
    """The initial weights, which only the evaluation before training uses."""
    return Mean({name: p.clone() for name, p in params.items()})


def project(params: Params, state: Mean, at: At, *, share: partial[Tensor]) -> tuple[Params, Mean]:
    """Update the mean; the weights pass unchanged."""
    now = share(at)
    return params, Mean({name: torch.lerp(state.mean[name], p, now.to(p.dtype)) for name, p in params.items()})


def averaged(params: Params, state: Mean) -> Params:
    """The weights that are evaluated."""
    del params
    return state.mean


@hookimpl
def grokbench_regularizers():
    yield ema
    yield swa
