"""The offset penalty of the later release of GrokAlign: Walker et al., arXiv:2605.08464.

The released code adds it to GrokAlign's penalty on the Jacobian, with the same strength.
"""

import torch
from torch import Tensor

from grokbench import At, Local, Regularizer, hookimpl


def offset(strength: float = 0.01) -> Regularizer:
    """Add `strength` times the mean squared norm of the offset b = f(x) - J x, which is 0 for ReLUs without biases."""

    def penalty(local: Local, state: tuple[()], at: At) -> Tensor:
        return strength * offsets(local, at.batch.inputs).square().sum(-1).mean()

    return Regularizer(penalty=penalty, neutral={"strength": 0.0}, rotates=True)


def offsets(local: Local, inputs: Tensor) -> Tensor:
    """The offsets of a batch, (n, C); J x is the pullback of the pullback, which is linear."""
    _, push = torch.func.vjp(local.pullback, torch.zeros_like(local.outputs))
    return local.outputs - push(inputs)[0]


@hookimpl
def grokbench_regularizers():
    yield offset
