"""The losses of the shipped tasks, and the functions that say which outputs are correct."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of -log softmax(outputs)[target], (); outputs (n, C), targets (n,) int64."""
    return -F.log_softmax(outputs, -1).gather(-1, targets[:, None]).mean()


def precise_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """`cross_entropy` computed in float64, and returned in the precision of the outputs.

    The gradient for a confident correct answer is 1 - softmax(outputs)[target], which float32 rounds to multiples of
    6e-8.
    """
    return cross_entropy(outputs.double(), targets).to(outputs.dtype)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over examples and classes of (outputs - one-hot)^2, (), as `torch.nn.MSELoss`."""
    classes = torch.arange(outputs.shape[-1], device=outputs.device)
    onehot = targets[:, None] == classes  # F.one_hot cannot be mapped inside a gradient, `at.grad_at`
    return (outputs - onehot.to(outputs.dtype)).square().mean()


LOSSES = {"cross_entropy": cross_entropy, "mse": squared_error}
FACTS: dict[str, dict[str, Any]] = {"cross_entropy": {"cross_entropy": True}, "mse": {}}  # loss -> facts of a task


def signed_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of (output - target)^2, (); outputs (n, 1), targets (n,) in {-1, 1}."""
    return (outputs.squeeze(-1) - targets).square().mean()


def class_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """True for each example whose largest output is that of the target, (n,) bool."""
    return outputs.argmax(-1) == targets


def sign_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """True for each example whose output has the target's sign, (n,) bool."""
    return torch.sign(outputs.squeeze(-1)) == targets
