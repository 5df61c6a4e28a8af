"""Example of a gradient filter. Name the source of your method here: authors, title, year, arXiv number.

Then explain the method's idea in a sentence or two. This example amplifies what is new in a gradient, which momentum
would average out.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import At, Params, Regularizer, hookimpl


class Mean(NamedTuple):
    """The state: m, the running mean of the gradients, shaped like the parameters."""

    m: Params


def new_name(beta: float = 0.9, gain: float = 0.5) -> Regularizer:
    """Add `gain` times the difference between a gradient and the running mean of the gradients.

        m <- beta m + (1 - beta) g        g <- g + gain (g - m)

    m starts at zero. Write your equation with the symbols of the code, and name every deviation from the authors' code.

    Raises:
        ValueError: `beta` is not in [0, 1).
    """
    if not 0.0 <= beta < 1.0:
        raise ValueError(f"beta must be at least 0 and below 1, got {beta}")
    filtered = partial(transform, beta=beta, gain=gain)
    return Regularizer(init=init, transform=filtered, neutral={"gain": 0.0})


def init(params: Params) -> Mean:
    """Start with a mean of zero."""
    return Mean({name: torch.zeros_like(p) for name, p in params.items()})


def transform(grads: Params, state: Mean, at: At, *, beta: float, gain: float) -> tuple[Params, Mean]:
    """Filter the gradients, and update their mean."""
    m = {name: torch.lerp(g, state.m[name], beta) for name, g in grads.items()}
    return {name: g + gain * (g - m[name]) for name, g in grads.items()}, Mean(m)


# Other phases: prepare, perturb, hidden, objective, penalty, rate, claims with update, optimizer, project, eval_params.
# The page "Phases of a method" has the arguments and an example of each phase. A method that commutes with rotations of
# the inputs, as this example does, may set `rotates=True`; a large `xor` then trains faster.
@hookimpl
def grokbench_regularizers():
    yield new_name
