"""SOAP: Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam", 2024, arXiv:2409.11321.

L <- lerp(L, g g^T, 1 - beta2), R alike with g^T g; Q_L, Q_R their eigenbases, refreshed every `frequency` steps by one
power iteration with QR. Adam's second moment lives in the eigenbases:

    v <- lerp(v, (Q_L^T g Q_R)^2, 1 - beta2),        w <- w - a Q_L (Q_L^T m Q_R / (sqrt(v) + eps)) Q_R^T

As `pytorch_optimizer.SOAP`: the first step only fills L, R and their bases; the QR is in float32; decay comes after.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import At, Params, Regularizer, hookimpl

LARGEST = 10000  # a longer side keeps the identity as its basis


class State(NamedTuple):
    """Moments m and v, statistics L and R as `stats`, their eigenbases as `bases`: "name.side" -> square matrix."""

    m: Params
    v: Params
    stats: Params
    bases: Params


def my_soap(
    lr: float = 3e-3, beta1: float = 0.95, beta2: float = 0.95, weight_decay: float = 0.01, frequency: int = 10
) -> Regularizer:
    """Update matrices by Adam in the eigenbases of Shampoo's preconditioner; the task's optimizer updates the rest."""
    step = partial(update, lr=lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay)
    return Regularizer(init=init, claims=claims, update=step, project=refresh, every={"project": frequency})


def claims(roles, shapes):
    return [name for name, shape in shapes.items() if len(shape) == 2]


def init(params: Params) -> State:
    zeros = {name: torch.zeros_like(p) for name, p in params.items() if p.ndim == 2}
    sides = [(name, i, p.shape[i]) for name, p in zeros.items() for i in (0, 1) if p.shape[i] <= LARGEST]
    squares = {f"{name}.{i}": zeros[name].new_zeros(n, n) for name, i, n in sides}
    return State(zeros, zeros, squares, squares)


def project(x, bases, name, back=False):
    """Compute Q_L^T x Q_R; `back`: Q_L x Q_R^T."""
    for i in (0, 1):
        basis = bases.get(f"{name}.{i}")
        x = x.T if basis is None else torch.tensordot(x, basis, ([0], [1 if back else 0]))
    return x


def update(params: Params, grads: Params, state: State, at: At, *, lr, beta1, beta2, weight_decay):
    started = at.step > 0
    t = at.step.clamp_min(1).to(torch.float64)
    rate = lr * (1 - beta2**t).sqrt() / (1 - beta1**t)
    new, m, v, stats = {}, {}, {}, {}
    for name, g in grads.items():
        m[name] = torch.where(started, state.m[name].lerp(g, 1 - beta1), state.m[name])
        v[name] = torch.where(started, state.v[name].lerp(project(g, state.bases, name).square(), 1 - beta2), 0.0)
        scaled = project(m[name], state.bases, name) / (v[name].sqrt() + 1e-8)
        moved = params[name] - rate.to(g.dtype) * project(scaled, state.bases, name, back=True)
        new[name] = torch.where(started, moved * (1 - lr * weight_decay), params[name])
        for i in (0, 1):
            if f"{name}.{i}" in state.stats:
                outer = torch.tensordot(g, g, ([1 - i], [1 - i]))
                stats[f"{name}.{i}"] = state.stats[f"{name}.{i}"].lerp(outer, 1 - beta2)
    return new, State(m, v, stats, state.bases)


def refresh(params: Params, state: State, at: At):
    first, v, bases = at.step == 0, dict(state.v), {}
    for key, stat in state.stats.items():
        name, i = key[:-2], int(key[-1])
        product = stat @ state.bases[key]
        order = (state.bases[key] * product).sum(0).argsort(descending=True)
        v[name] = torch.where(first, v[name], v[name].index_select(i, order))
        turned = torch.linalg.qr(product.index_select(1, order).to(torch.float32))[0].to(stat.dtype)
        bases[key] = torch.where(first, torch.linalg.eigh(stat)[1].flip(1), turned)
    return params, State(state.m, v, state.stats, bases)


@hookimpl
def grokbench_regularizers():
    yield my_soap
