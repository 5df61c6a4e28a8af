"""The methods in ordinary PyTorch, for a loop over modules with autograd."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["FILTERS", "Filter", "Grokfast", "Orthograd", "jacobian_norm"]

Filter = Callable[[Iterable[nn.Parameter]], None]  # changes .grad between the backward pass and the optimizer


class Grokfast:
    """Grokfast-EMA: h = alpha h + (1 - alpha) g; g + lamb h replaces the gradient g."""

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
    """OrthoGrad: each gradient without its component along the weights, rescaled to its norm; the authors' settings."""

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
    """Compute GrokAlign's penalty, (), by autograd.grad with create_graph.

    Args:
        outputs: (n, C), at the inputs.
        inputs: (n, ...), which require gradients.
        directions: (number of the projection, outputs) -> normal numbers (n, C).
        strength: factor of the penalty.
        norm: of the Jacobian, "frobenius" or "squared".
        estimator: any but "exact".
        projections: random projections per example.
    """
    if estimator == "exact":
        raise ValueError("the plain loop estimates the Jacobian's norm by projection, not exactly")
    square: Any = torch.zeros_like(outputs[:, 0])
    for projection in range(projections):
        v = F.normalize(directions(projection, outputs), dim=1)
        (gradient,) = torch.autograd.grad(outputs, inputs, v, create_graph=True)
        square = square + outputs.shape[1] / projections * gradient.flatten(1).square().sum(1)
    return strength * (square.clamp_min(1e-8).sqrt() if norm == "frobenius" else square).mean()
