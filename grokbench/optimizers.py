"""SGD and AdamW as records: torch's own functional updates, on dicts of (stacked) parameters.

torch's functional forms are elementwise and work in place, so the same call serves one replica and a stack of replicas.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from grokbench.types import Optimizer, Params

__all__ = ["SGD", "AdamW", "AdamWState"]

Momenta = Params | tuple[()]  # the state of SGD: empty without momentum


def _aligned(params: Params, grads: Params) -> list[Tensor]:
    """Return gradients with the memory layout of their parameters, as torch's fused kernels assume."""
    pairs = [(p, grads[name]) for name, p in params.items()]
    return [g if g.stride() == p.stride() else torch.empty_like(p).copy_(g) for p, g in pairs]


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent with an L2 term, as `torch.optim.SGD` without dampening.

    With g' = g + weight_decay w, a step is w <- w - lr g', or with momentum m <- momentum m + g', w <- w - lr m.

    Attributes:
        lr: the learning rate; it has no default.
        weight_decay: the coefficient of the L2 term, 0 by default.
        momentum: the share of the previous step that is kept, at least 0 and below 1; 0 by default.
    """

    momentum: float = 0.0
    decoupled: ClassVar[bool] = False

    def init(self, params: Params) -> Momenta:
        """Return the empty state, or with momentum a zero m for every parameter.

        Args:
            params: the parameters that are trained.
        """
        return {name: torch.zeros_like(p) for name, p in params.items()} if self.momentum else ()

    def update(self, params: Params, grads: Params, state: Momenta) -> tuple[Params, Momenta]:
        """Take one step, in place.

        Args:
            params: the trained parameters; they are overwritten.
            grads: their gradients, with the same names and shapes.
            state: the state that `init` or the previous update returned; it is overwritten.
        """
        sgd(
            list(params.values()),
            _aligned(params, grads),
            [state[name] if state else None for name in params],
            fused=True,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=self.lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        return params, state


class AdamWState(NamedTuple):
    """The state of AdamW.

    Attributes:
        mean: the running mean of the gradients, shaped like the parameters.
        square: the running mean of the squared gradients, shaped like the parameters.
        updates: parameter name -> number of completed updates, (), float32.
    """

    mean: Params
    square: Params
    updates: dict[str, Tensor]


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019, arXiv:1711.05101), as `torch.optim.AdamW`.

    Attributes:
        lr: the learning rate, 1e-3 by default.
        weight_decay: the coefficient of weight decay, 0.01 by default; each step multiplies w by 1 - lr weight_decay.
        betas: decay rates of the running means of the gradient and of the squared gradient, (0.9, 0.999) by default.
        eps: added to the square root of the mean of the squared gradient, 1e-8 by default.
    """

    lr: float = 1e-3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    decoupled: ClassVar[bool] = True

    def init(self, params: Params) -> AdamWState:
        """Return zero moments.

        Args:
            params: the parameters that are trained.
        """
        mean, square = ({name: torch.zeros_like(p) for name, p in params.items()} for _ in range(2))
        # One counter for each parameter: torch would increment a shared counter once per parameter.
        updates = {name: torch.zeros((), dtype=torch.float32, device=p.device) for name, p in params.items()}
        return AdamWState(mean, square, updates)

    def update(self, params: Params, grads: Params, state: AdamWState) -> tuple[Params, AdamWState]:
        """Take one step, in place.

        Args:
            params: the trained parameters; they are overwritten.
            grads: their gradients, with the same names and shapes.
            state: the state that `init` or the previous update returned; it is overwritten.
        """
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
