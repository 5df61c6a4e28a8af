"""Cosine schedule: Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

arXiv:1608.03983, without restarts.
"""

import math
from functools import partial

import torch
from torch import Tensor

from grokbench import At, Regularizer, hookimpl


def cosine(floor: float = 0.0) -> Regularizer:
    """Lower the learning rate along half a cosine, from the task's rate to `floor` times this rate.

        lr_t = lr (floor + (1 - floor) (1 + cos(pi t / T)) / 2)

    t counts steps, and T is the number of steps of the whole budget. The method knows the budget, so its result at one
    budget does not hold for another; a larger budget keeps the rate high for longer.

    ValueError unless 0 <= `floor` <= 1.
    """
    if not 0.0 <= floor <= 1.0:
        raise ValueError(f"floor must lie between 0 and 1, got {floor}")
    return Regularizer(
        rate=partial(rate, floor=floor), needs=frozenset({"budget"}), neutral={"floor": 1.0}, rotates=True
    )


def rate(at: At, *, floor: float) -> Tensor:
    """The factor of the learning rate, ()."""
    share = at.step.double() / (at.budget * at.steps_per_epoch)
    return floor + (1.0 - floor) * (1.0 + torch.cos(math.pi * share)) / 2.0


@hookimpl
def grokbench_regularizers():
    yield cosine
