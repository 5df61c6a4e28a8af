"""Sharpness-aware minimization: Foret et al., ICLR 2021, arXiv:2010.01412.

e = rho g / (||g|| + 1e-12), ||g|| over all parameters together,        g <- grad L(p + e)

The task's optimizer then takes its step from p with this gradient. As `pytorch_optimizer.SAM`, 1e-12 included.
"""

from functools import partial

import torch

from grokbench import At, Params, Regularizer, hookimpl


def my_sam(rho: float = 0.05) -> Regularizer:
    """Take the gradient where a step of length `rho` along the gradient leads.

    Raises:
        ValueError: `rho` is negative.
    """
    if rho < 0.0:
        raise ValueError(f"rho must be at least 0, got {rho}")
    return Regularizer(
        transform=partial(transform, rho=rho),
        neutral={"rho": 0.0},
        rotates=True,
        privileges=frozenset({"extra_gradients"}),
    )


def transform(grads: Params, state: tuple, at: At, *, rho: float) -> tuple[Params, tuple]:
    """Replace the gradient by that at p + e."""
    norm = torch.stack([g.square().sum() for g in grads.values()]).sum().sqrt()
    scale = rho / (norm + 1e-12)
    return at.grad_at({name: p + scale * grads[name] for name, p in at.params.items()}), state


@hookimpl
def grokbench_regularizers():
    yield my_sam
