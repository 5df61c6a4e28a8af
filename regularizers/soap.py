"""SOAP: Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam", ICLR 2025, arXiv:2409.11321.

Adam in the eigenbases of Shampoo's preconditioner.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grokbench import At, Params, Regularizer, hookimpl

LARGEST = 10_000  # a longer side keeps the identity as its basis, as in the authors' code
RAMP = 1e-4  # the largest added element of the diagonal, in units of the mean eigenvalue


class Soap(NamedTuple):
    """The moments; and for each axis of each matrix, as "name.axis", the running mean of g g^T and its eigenbasis."""

    m: Params
    v: Params  # in the eigenbases
    grams: Params
    bases: Params


def soap(
    lr: float = 3e-3,
    beta1: float = 0.95,
    beta2: float = 0.95,
    eps: float = 1e-8,
    weight_decay: float | None = None,
    frequency: int = 10,
) -> Regularizer:
    """Train by Adam in the eigenbases of Shampoo's preconditioner.

        L <- beta2 L + (1 - beta2) g g^T,  R <- beta2 R + (1 - beta2) g^T g,  Q_L, Q_R their eigenbases
        m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) (Q_L^T g Q_R)^2
        W <- W - lr_t Q_L (Q_L^T m Q_R / (sqrt(v) + eps)) Q_R^T,  then W <- (1 - lr wd) W

    lr_t is lr with Adam's bias correction. Every `frequency` steps the bases are refreshed by one step of power
    iteration and a QR decomposition. The first step only fills L and R and takes their eigenbases, as in the authors'
    code. A kernel has a basis for each axis, and biases have none. The method replaces the task's optimizer.

    Deviations: wd is `weight_decay` or, if that is None, the task's; the authors' default is 0.01. The decompositions
    have the precision of the run, not float32. Gradients of few examples leave L and R singular, so that some of their
    eigenvectors are arbitrary: with the authors' bases, rounding errors of 1e-16 moved weights by 1e-2 within 8 steps.
    Here a diagonal matrix is added before each decomposition, whose elements fall from 1e-4 times the mean eigenvalue
    towards 0. The arbitrary eigenvectors are then close to the axes.

    ValueError unless `frequency` is at least 1.
    """
    if frequency < 1:
        raise ValueError(f"frequency must be at least 1, got {frequency}")
    return Regularizer(
        init=init,
        claims=everything,
        update=partial(update, lr=lr, beta1=beta1, beta2=beta2, eps=eps, decay=weight_decay),
        project=refresh,
        every={"project": frequency},
    )


def everything(roles: Mapping[str, Any], shapes: Mapping[str, Any]) -> list[str]:
    """The names of all parameters."""
    del roles
    return list(shapes)


def init(params: Params) -> Soap:
    """Zeros, which the first step replaces."""
    sides = {f"{name}.{i}": p.new_zeros(n, n) for name, p in params.items() for i, n in _sides(p)}
    zeros = {name: torch.zeros_like(p) for name, p in params.items()}
    return Soap(zeros, zeros, sides, sides)


def _sides(p: Tensor) -> list[tuple[int, int]]:
    """The axes that have a basis, with their lengths."""
    return [(i, n) for i, n in enumerate(p.shape) if p.ndim > 1 and n <= LARGEST]


def update(
    params: Params,
    grads: Params,
    state: Soap,
    at: At,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    decay: float | None,
) -> tuple[Params, Soap]:
    """Take one step, with the bases of the last refresh."""
    assert at.rate is not None
    begun, t = at.step > 0, at.step.double().clamp_min(1.0)  # the first step moves nothing
    wd = at.weight_decay if decay is None else decay
    plain = lr * at.rate * begun
    corrected = plain * (1.0 - beta2**t).sqrt() / (1.0 - beta1**t)
    after, m, v, grams = {}, {}, {}, {}
    for name, g in grads.items():
        m[name] = torch.lerp(state.m[name], g * begun, 1.0 - beta1)
        v[name] = torch.lerp(state.v[name], rotated(g * begun, state.bases, name).square(), 1.0 - beta2)
        step = rotated(rotated(m[name], state.bases, name) / (v[name].sqrt() + eps), state.bases, name, back=True)
        after[name] = (params[name] - corrected.to(g.dtype) * step) * (1.0 - plain.to(g.dtype) * wd)
        for i, _ in _sides(g):
            rest = [axis for axis in range(g.ndim) if axis != i]
            grams[f"{name}.{i}"] = torch.lerp(
                state.grams[f"{name}.{i}"], torch.tensordot(g, g, (rest, rest)), 1.0 - beta2
            )
    return after, Soap(m, v, grams, state.bases)


def rotated(x: Tensor, bases: Params, name: str, back: bool = False) -> Tensor:
    """The tensor rotated into the eigenbases of a parameter or, with `back`, out of them."""
    for i, _ in _sides(x):
        x = torch.tensordot(x, bases[f"{name}.{i}"], ([i], [1 if back else 0])).movedim(-1, i)
    return x


def refresh(params: Params, state: Soap, at: At) -> tuple[Params, Soap]:
    """Refresh the bases, sorted by eigenvalue, and sort the second moments with them."""
    first, v, bases = at.step == 0, dict(state.v), {}
    for side, mean in state.grams.items():
        name, i = side.rsplit(".", 1)
        gram = determined(mean)
        product = gram @ state.bases[side]
        order = (state.bases[side] * product).sum(0).argsort(descending=True)
        v[name] = torch.where(first, v[name], v[name].index_select(int(i), order))
        bases[side] = torch.where(first, eigenbasis(gram, first), torch.linalg.qr(product.index_select(1, order))[0])
    return params, state._replace(v=v, bases=bases)


def determined(gram: Tensor) -> Tensor:
    """The matrix plus a falling diagonal, up to `RAMP` times the mean eigenvalue, so that no eigenvalue is repeated."""
    falling = torch.arange(len(gram), 0, -1, dtype=gram.dtype, device=gram.device) / len(gram)
    return gram + RAMP * gram.diagonal().mean() * falling.diag()


def eigenbasis(gram: Tensor, first: Tensor) -> Tensor:
    """The eigenvectors by falling eigenvalue, after the first step.

    The identity replaces a matrix that is not finite, for which the decomposition of all replicas would fail.
    """
    known = torch.where(first & gram.isfinite().all(), gram, torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    return torch.linalg.eigh(known)[1].flip(1)


@hookimpl
def grokbench_regularizers():
    yield soap
