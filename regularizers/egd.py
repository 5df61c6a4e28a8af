"""Egalitarian gradient descent: Saheb Pasand & Dohmatob, ICLR 2026, arXiv:2510.04930.

All principal directions of the gradient get the same speed: the gradient of a matrix is replaced by its orthogonal
factor. Muon does the same to momentum, approximately.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from grokbench import At, Params, Regularizer, Role, hookimpl

from . import _matrices

FLOOR = 1e-6  # singular values below it stay smaller than 1, as in the authors' code

Matrix = Literal["input", "hidden", "readout"]


def egd(lr: float = 0.7, weight_decay: float = 1e-4, roles: tuple[Matrix, ...] = ("input",)) -> Regularizer:
    """Train by gradient descent; the gradient of each matrix with one of the `roles` has its singular values set to 1.

        g = grad L + wd W = U S V^T        g <- U min(S / 1e-6, 1) V^T        W <- W - lr g

    This equals (g g^T)^(-1/2) g, with singular values clamped at 1e-6. As in the authors' code, the L2 term is in g,
    biases have none, and only the first matrix is orthogonalised. In their comparison on MNIST it is every matrix,
    `roles: [input, hidden, readout]`. The method replaces the task's optimizer and its weight decay. The defaults are
    those of the authors on modular addition; on parity they use rates from 0.01 to 0.04 and decays from 1e-3 to 1e-2.

    One deviation: the authors return to plain gradient descent once the *test* accuracy exceeds 0.95. Here this switch
    is left out, since a method must not look at test labels.
    """
    return Regularizer(
        claims=everything,
        update=partial(update, lr=lr, decay=weight_decay, wanted=roles),
        refuses=partial(_matrices.missing, wanted=roles),
        rotates=True,
    )


def everything(roles: Mapping[str, Any], shapes: Mapping[str, Any]) -> list[str]:
    """The names of all parameters."""
    del roles
    return list(shapes)


def update(
    params: Params, grads: Params, state: tuple[()], at: At, *, lr: float, decay: float, wanted: Sequence[Role]
) -> tuple[Params, tuple[()]]:
    """Take one step."""
    assert at.rate is not None
    names = _matrices.chosen(at.roles, {name: tuple(p.shape) for name, p in params.items()}, wanted)
    after = {}
    for name, p in params.items():
        g = grads[name] if at.roles[name] == "bias" else grads[name] + decay * p
        g = egalitarian(g.flatten(1)).reshape(p.shape) if name in names else g
        after[name] = p - lr * at.rate.to(p.dtype) * g
    return after, state


def egalitarian(g: Tensor) -> Tensor:
    """The matrix with singular values s replaced by min(s / 1e-6, 1); NaN if an element is not finite."""
    finite = g.isfinite().all()  # the decomposition of all replicas would fail otherwise
    u, s, vh = torch.linalg.svd(torch.where(finite, g, 0.0), full_matrices=False)
    return torch.where(finite, (u * (s / FLOOR).clamp_max(1.0)) @ vh, torch.nan)


@hookimpl
def grokbench_regularizers():
    yield egd
