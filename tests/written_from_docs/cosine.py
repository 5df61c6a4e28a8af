"""Cosine schedule without restarts: Loshchilov & Hutter, 2017, arXiv:1608.03983.

lr_t = lr (1 + cos(pi t / T)) / 2, with T the steps of the whole budget: zero after the last one
"""

import math

import torch

from grokbench import Regularizer, hookimpl


def my_cosine() -> Regularizer:
    """Lower the learning rate along a cosine, to zero at the end of the budget."""
    return Regularizer(rate=rate, needs=frozenset({"budget"}), rotates=True)


def rate(at):
    return (1 + torch.cos(math.pi * at.step.double() / (at.budget * at.steps_per_epoch))) / 2


@hookimpl
def grokbench_regularizers():
    yield my_cosine
