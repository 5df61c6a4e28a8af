"""torch's fused optimizers, rewritten as elementwise operations, which a compiler can fuse with the rest of a step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["ELEMENTWISE"]


def adamw(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    maxima: Sequence[Tensor],
    updates: Sequence[Tensor],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
    eps: float,
    amsgrad: bool,
    maximize: bool,
    **scaling: Any,
) -> None:
    """Update parameters and moments in place, as `torch._fused_adamw_` does; see `grokbench.optimizers.AdamW`.

    Raises:
        NotImplementedError: an option is set that no optimizer of this package sets.
    """
    _refuse(amsgrad, maximize, *scaling.values())
    for p, g, mean, square, update in zip(params, grads, means, squares, updates, strict=True):
        completed = update.double()  # 1 - 0.999 has only four correct digits in float32
        rate, spread = _once(lr / (1 - beta1**completed)), _once((1 - beta2**completed).sqrt())
        p.mul_(1 - lr * weight_decay)
        mean.lerp_(g, 1 - beta1)
        square.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        p.sub_(rate * (mean / (square.sqrt() / spread + eps)))


def sgd(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    momenta: Sequence[Tensor],
    *,
    weight_decay: float,
    momentum: float,
    lr: float,
    dampening: float,
    nesterov: bool,
    maximize: bool,
    is_first_step: bool,
    **scaling: Any,
) -> None:
    """Update parameters and momenta in place, as `torch._fused_sgd_` does; see `grokbench.optimizers.SGD`.

    Raises:
        NotImplementedError: an option is set that no optimizer of this package sets.
    """
    _refuse(nesterov, maximize, is_first_step and momentum, dampening, *scaling.values())
    for number, (p, g) in enumerate(zip(params, grads, strict=True)):
        slope = g + weight_decay * p if weight_decay else g
        if momentum:
            slope = momenta[number].mul_(momentum).add_(slope)
        p.sub_(lr * slope)


def _once(number: Tensor) -> Tensor:
    """Return a number, (), as the result of a reduction, which a compiler does not recompute for every element."""
    return number.expand(64).amax()


def _refuse(*options: Any) -> None:
    if any(option is not None and option is not False and option != 0 for option in options):
        raise NotImplementedError("a fused optimizer has an option that its elementwise form lacks")


ELEMENTWISE: Mapping[Any, Callable[..., None]] = {
    torch.ops.aten._fused_adamw_.default: adamw,
    torch.ops.aten._fused_sgd_.default: sgd,
}
