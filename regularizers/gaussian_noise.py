"""Noise in the inputs: Tan & Huang, "Understanding grokking through a robustness viewpoint", 2023, arXiv:2311.06597.

The size of the noise falls while the training set is learnt. The constants are those of Walker et al., "What deep
networks want to learn and how to get there", whose released code runs it beside GrokAlign.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from grokbench import At, Batch, Params, Regularizer, hookimpl, random


class Accuracy(NamedTuple):
    """The training accuracy a of the last completed epoch, and the counts of the epoch in progress, all scalars."""

    last: Tensor
    correct: Tensor
    seen: Tensor
    epoch: Tensor  # the epoch that the counts belong to


def gaussian_noise(scale: float = 0.06, floor: float = 0.03) -> Regularizer:
    """Train on inputs with normal noise, whose size falls with the training accuracy a.

        sigma = max(scale (1 - a), floor)        x <- x + sigma z,  z ~ N(0, I), anew for every batch

    sigma is in units of the embedded inputs: normalised pixels on MNIST. With `scale` 0 the noise has the constant size
    `floor`. As in Walker et al.'s code, the network is trained on noisy inputs only, and they may leave the valid
    range. That code computes a by a pass over the clean training set before each epoch. Here a is the accuracy of the
    training outputs of the last completed epoch, on noisy inputs and while the parameters move; in the first epoch it
    is 0. Cost: one draw per input.

    ValueError if `scale` or `floor` is negative.
    """
    if scale < 0.0 or floor < 0.0:
        raise ValueError(f"scale and floor must not be negative, got {scale} and {floor}")
    return Regularizer(
        init=init,
        perturb=partial(perturb, scale=scale, floor=floor),
        transform=count,
        neutral={"scale": 0.0, "floor": 0.0},
    )


def init(params: Params) -> Accuracy:
    """An accuracy of 0, and nothing counted."""
    zero = next(iter(params.values())).new_zeros(())
    none = torch.zeros_like(zero, dtype=torch.int64)
    return Accuracy(zero, none, none, none)


def perturb(batch: Batch, state: Accuracy, at: At, *, scale: float, floor: float) -> Batch:
    """The batch with noise in its inputs."""
    x = batch.inputs
    sigma = (scale * (1.0 - turned(state, at.epoch).last)).clamp_min(floor)
    return Batch(x + sigma * random.normal(random.fold(at.key, "noise"), tuple(x.shape), x.dtype), batch.targets)


def count(grads: Params, state: Accuracy, at: At) -> tuple[Params, Accuracy]:
    """Count the correct outputs of this step; the gradients pass unchanged."""
    assert at.outputs is not None
    now = turned(state, at.epoch)
    correct = at.correct(at.outputs, at.batch.targets)
    return grads, now._replace(correct=now.correct + correct.sum(), seen=now.seen + correct.numel())


def turned(state: Accuracy, epoch: Tensor) -> Accuracy:
    """Update the state for an epoch: counts of an earlier epoch become the accuracy, and counting starts anew."""
    over = epoch > state.epoch
    share = state.correct.to(state.last.dtype) / state.seen.clamp_min(1)
    last = torch.where(over, share, state.last)
    return Accuracy(last, state.correct * ~over, state.seen * ~over, torch.maximum(state.epoch, epoch))


@hookimpl
def grokbench_regularizers():
    yield gaussian_noise
