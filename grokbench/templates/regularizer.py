"""A gradient filter as an example: put the source of your method here (authors, title, year, arXiv number).

Then its idea, in a sentence or two: this one sharpens what is new in a gradient, where a momentum smooths it away.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import At, Params, Regularizer, hookimpl


class Mean(NamedTuple):
    """m, the running mean of the gradients, shaped like the parameters."""

    m: Params


def new_name(beta: float = 0.9, gain: float = 0.5) -> Regularizer:
    """Add `gain` times what a gradient has beyond the running mean of the gradients.

        m <- beta m + (1 - beta) g        g <- g + gain (g - m)

    m starts at zero. Write your equation in the symbols of the code, and name every deviation from the authors' own.

    ValueError unless 0 <= `beta` < 1.
    """
    if not 0.0 <= beta < 1.0:
        raise ValueError(f"beta must be at least 0 and below 1, got {beta}")
    filtered = partial(transform, beta=beta, gain=gain)
    return Regularizer(init=init, transform=filtered, neutral={"gain": 0.0})


def init(params: Params) -> Mean:
    """Zeros: nothing has been seen."""
    return Mean({name: torch.zeros_like(p) for name, p in params.items()})


def transform(grads: Params, state: Mean, at: At, *, beta: float, gain: float) -> tuple[Params, Mean]:
    """Filter the gradients."""
    m = {name: torch.lerp(g, state.m[name], beta) for name, g in grads.items()}
    return {name: g + gain * (g - m[name]) for name, g in grads.items()}, Mean(m)


# Other phases: prepare, perturb, objective, penalty, optimizer, project. `grokbench show NAME` tells what shipped
# methods make of them, the page "Write a regularizer" what each is given and returns. A method that commutes with
# rotations of the inputs, as this one does, may add `rotates=True` to its record: a large `xor` then trains faster.
@hookimpl
def grokbench_regularizers():
    yield new_name
