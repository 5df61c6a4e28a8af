"""What the methods add to a loop over modules and parameters with gradients, as one would write them in PyTorch."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FILTERS", "Filter", "Grokfast", "Orthograd", "jacobian_norm"]

Filter = Callable[[Iterable[nn.Parameter]], None]  # works on .grad, between backward and the optimizer


class Grokfast:
    """A running mean h of each gradient, added to it with a gain."""

    def __init__(self, alpha: float, lamb: float) -> None:
        self.alpha, self.lamb = alpha, lamb
        self.h: dict[nn.Parameter, Tensor] = {}

    @torch.no_grad()
    def __call__(self, parameters: Iterable[nn.Parameter]) -> None:
        for p in parameters:
            assert p.grad is not None
            if p in self.h:
                self.h[p].lerp_(p.grad, 1.0 - self.alpha)
            else:
                self.h[p] = p.grad.clone()
            p.grad.add_(self.h[p], alpha=self.lamb)


class Orthograd:
    """Each gradient without its component along the weights, at its own length; for the authors' settings."""

    def __init__(self, rescale: bool, scope: Literal["tensor"], project_decay: bool) -> None:
        if not rescale or scope != "tensor" or project_decay:
            raise ValueError("the plain loop knows OrthoGrad with rescale, per tensor, without project_decay")

    @torch.no_grad()
    def __call__(self, parameters: Iterable[nn.Parameter]) -> None:
        for p in parameters:
            assert p.grad is not None
            if p.numel() > 1:
                w, g = p.flatten(), p.grad.flatten()
                across = g - (w @ g) / (w @ w + 1e-30) * w
                p.grad.copy_((across * (g.norm() / (across.norm() + 1e-30))).view_as(p))


FILTERS: Mapping[str, Callable[..., Filter]] = {"grokfast_ema": Grokfast, "orthograd": Orthograd}


def jacobian_norm(
    outputs: Tensor,
    inputs: Tensor,
    directions: Callable[[int, Tensor], Tensor],
    *,
    strength: float,
    norm: str,
    estimator: str,
    projections: int,
) -> Tensor:
    """GrokAlign's penalty the usual way, (): autograd.grad with create_graph; outputs (n, C) at inputs (n, ...)."""
    if estimator == "exact":
        raise ValueError("the plain loop estimates the Jacobian's norm by projection, not exactly")
    square: Any = torch.zeros_like(outputs[:, 0])
    for projection in range(projections):
        v = F.normalize(directions(projection, outputs), dim=1)
        (gradient,) = torch.autograd.grad(outputs, inputs, v, create_graph=True)
        square = square + outputs.shape[1] / projections * gradient.flatten(1).square().sum(1)
    return strength * (square.clamp_min(1e-8).sqrt() if norm == "frobenius" else square).mean()
