"""SGD and AdamW as records: torch's own functional updates, on dicts of (stacked) parameters.

torch's functional forms are elementwise and work in place, so the same call serves one replica and a stack of them.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from grokbench.types import Optimizer, Params

__all__ = ["SGD", "AdamW", "AdamWState"]


def _aligned(params: Params, grads: Params) -> list[Tensor]:
    """Gradients with the memory layout of their parameters: torch's fused kernels walk both side by side."""
    pairs = [(p, grads[name]) for name, p in params.items()]
    return [g if g.stride() == p.stride() else torch.empty_like(p).copy_(g) for p, g in pairs]


@dataclass(frozen=True)
class SGD(Optimizer):
    """w <- w - lr (g + weight_decay w): plain gradient descent with an L2 term, as `torch.optim.SGD`."""

    decoupled: ClassVar[bool] = False

    def init(self, params: Params) -> tuple[()]:
        """No state."""
        return ()

    def update(self, params: Params, grads: Params, state: tuple[()]) -> tuple[Params, tuple[()]]:
        """One step, in place."""
        sgd(
            list(params.values()),
            _aligned(params, grads),
            [None] * len(params),
            fused=True,
            weight_decay=self.weight_decay,
            momentum=0.0,
            lr=self.lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        return params, state


class AdamWState(NamedTuple):
    """Moments shaped like the parameters, and the number of updates, () for each parameter."""

    mean: Params
    square: Params
    updates: dict[str, Tensor]


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019, arXiv:1711.05101), as `torch.optim.AdamW`."""

    lr: float = 1e-3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    decoupled: ClassVar[bool] = True

    def init(self, params: Params) -> AdamWState:
        """Zero moments."""
        mean, square = ({name: torch.zeros_like(p) for name, p in params.items()} for _ in range(2))
        # One counter for each parameter: torch increments every entry, shared ones several times.
        updates = {name: torch.zeros((), dtype=torch.float32, device=p.device) for name, p in params.items()}
        return AdamWState(mean, square, updates)

    def update(self, params: Params, grads: Params, state: AdamWState) -> tuple[Params, AdamWState]:
        """One step, in place."""
        adamw(
            list(params.values()),
            _aligned(params, grads),
            list(state.mean.values()),
            list(state.square.values()),
            [],
            list(state.updates.values()),
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.lr,
            weight_decay=self.weight_decay,
            eps=self.eps,
            maximize=False,
        )
        return params, state
