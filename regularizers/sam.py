"""Sharpness-aware minimization: Foret, Kleiner, Mobahi & Neyshabur, ICLR 2021, arXiv:2010.01412.

The gradient is taken after a short step uphill, so that training prefers flat minima.
"""

from functools import partial

import torch

from grokbench import At, Params, Regularizer, hookimpl

TINY = 1e-12  # added to the norm before the division, as common implementations do


def sam(rho: float = 0.05) -> Regularizer:
    """Use the gradient after a step of length `rho` along the gradient.

        e = rho g / ||g||        g <- grad L(theta + e)

    The norm is that of all trained parameters as one vector, and the batch is the same in both gradients. The task's
    optimizer takes the step from theta. The weight decay of the task's optimizer is in neither gradient;
    the authors have an L2 term in the loss instead. Cost: a second forward and backward pass.

    ValueError if `rho` is negative.
    """
    if rho < 0.0:
        raise ValueError(f"rho must not be negative, got {rho}")
    return Regularizer(
        transform=partial(transform, rho=rho),
        neutral={"rho": 0.0},
        privileges=frozenset({"extra_gradients"}),
        rotates=True,
    )


def transform(grads: Params, state: tuple[()], at: At, *, rho: float) -> tuple[Params, tuple[()]]:
    """The gradients after the step uphill."""
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads.values()]))
    length = rho / (norm + TINY)
    return at.grad_at({name: p + length * grads[name] for name, p in at.params.items()}), state


@hookimpl
def grokbench_regularizers():
    yield sam
