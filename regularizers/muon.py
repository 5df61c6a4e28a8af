"""Muon: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

kellerjordan.github.io/posts/muon. The update of a matrix is its momentum with all singular values moved
towards 1, by a polynomial in place of a singular value decomposition.
"""

from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from grokbench import About, At, Params, Regularizer, Role, hookimpl

from . import _matrices

A, B, C = 3.4445, -4.7750, 2.0315  # the quintic's coefficients, which maximize its slope at zero
TINY = 1e-7  # added to the norm before the division, as in the authors' code

Matrix = Literal["input", "hidden", "readout"]


class Momentum(NamedTuple):
    """m, the running mean of the gradients of the claimed matrices."""

    m: Params


def muon(
    lr: float = 0.02,
    momentum: float = 0.95,
    nesterov: bool = True,
    steps: int = 5,
    scale: bool = True,
    weight_decay: float | None = None,
    roles: tuple[Matrix, ...] = (),
) -> Regularizer:
    """Update matrices by their momentum, orthogonalised in `steps` Newton-Schulz steps.

        m <- mu m + (1 - mu) g        u = mu m + (1 - mu) g  (without `nesterov`: u = m)
        X = u / ||u||_F,  then `steps` times  X <- a X + (b S + c S^2) X  with S = X X^T
        W <- (1 - lr wd) W - lr sqrt(max(1, fan_out / fan_in)) X

    a, b, c = 3.4445, -4.7750, 2.0315. Five steps bring singular values of at least 0.01 ||u||_F to between 0.68 and
    1.21; each step multiplies small singular values by a. `scale=False` leaves out the factor with the root. wd is
    `weight_decay` or, if that is None, the task's; the authors' default is 0, with which few networks grok. `roles` are
    the roles of the matrices to update. By default these are the hidden matrices, as the authors recommend, or in a
    network without hidden matrices that of the input layer. The task's optimizer updates all other parameters.

    Deviations from the authors' code: X is computed in the precision of the run, not in bfloat16, and the other
    parameters keep the task's AdamW, not one with lr 3e-4 and betas (0.9, 0.95). As there, a convolution's kernel is
    taken as a matrix (filters, channels x height x width). The root has the fans of this matrix, not height / width as
    in the code.

    ValueError unless `steps` is at least 1 and 0 <= `momentum` < 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum must be at least 0 and below 1, got {momentum}")
    move = partial(moved, lr=lr, steps=steps, scale=scale, decay=weight_decay)
    return Regularizer(
        init=partial(init, wanted=roles),
        claims=partial(_matrices.chosen, wanted=roles),
        update=partial(update, mu=momentum, nesterov=nesterov, move=move),
        refuses=partial(_matrices.missing, wanted=roles),
    )


def init(params: Params, about: About, *, wanted: tuple[Role, ...]) -> Momentum:
    """Zero momentum."""
    names = _matrices.chosen(about.roles, {name: tuple(p.shape) for name, p in params.items()}, wanted)
    return Momentum({name: torch.zeros_like(params[name]) for name in names})


def update(
    params: Params, grads: Params, state: Momentum, at: At, *, mu: float, nesterov: bool, move: partial[Tensor]
) -> tuple[Params, Momentum]:
    """Update the momentum and the matrices."""
    m = {name: torch.lerp(state.m[name], g, 1.0 - mu) for name, g in grads.items()}
    u = {name: torch.lerp(g, m[name], mu) for name, g in grads.items()} if nesterov else m
    return {name: move(p, u[name], at) for name, p in params.items()}, Momentum(m)


def moved(p: Tensor, u: Tensor, at: At, *, lr: float, steps: int, scale: bool, decay: float | None) -> Tensor:
    """A matrix (fan_in, fan_out), or a kernel, after the step along u."""
    assert at.rate is not None
    now = lr * at.rate.to(p.dtype)
    fan_out, fan_in = (p.shape[1], p.shape[0]) if p.ndim == 2 else (p.shape[0], p[0].numel())
    factor = max(1.0, fan_out / fan_in) ** 0.5 if scale else 1.0
    shrunk = (1.0 - now * (at.weight_decay if decay is None else decay)) * p
    return shrunk - now * factor * orthogonal(u.flatten(1), steps).reshape(p.shape)


def orthogonal(u: Tensor, steps: int) -> Tensor:
    """The matrix after `steps` steps of Newton-Schulz; the transpose of u gives the transpose of the result."""
    rows, columns = u.shape
    x = u / (torch.linalg.vector_norm(u) + TINY)
    for _ in range(steps):
        if rows <= columns:  # the smaller of the two Gram matrices
            gram = x @ x.mT
            x = A * x + (B * gram + C * gram @ gram) @ x
        else:
            gram = x.mT @ x
            x = A * x + x @ (B * gram + C * gram @ gram)
    return x


@hookimpl
def grokbench_regularizers():
    yield muon
