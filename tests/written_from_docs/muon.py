"""Muon: Jordan et al., 2024, kellerjordan.github.io/posts/muon, as `pytorch_optimizer.Muon` (there in bfloat16).

m <- lerp(m, g, 1 - mu),  u <- lerp(g, m, mu),  W <- (1 - lr decay) W - lr sqrt(max(1, fan_out / fan_in)) NS(u)
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import Params, Regularizer, hookimpl


class State(NamedTuple):
    m: Params


def my_muon(lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.0) -> Regularizer:
    """Train hidden matrices with orthogonalized Nesterov momentum, the others with the task's optimizer."""
    return Regularizer(init=init, claims=claims, update=partial(update, lr=lr, mu=momentum, decay=weight_decay))


def claims(roles, shapes=None):
    return [name for name, role in roles.items() if role == "hidden"]


def init(params, about):
    return State({name: torch.zeros_like(params[name]) for name in claims(about.roles)})


def update(params, grads, state, at, *, lr, mu, decay):
    m, new = {name: state.m[name].lerp(g, 1 - mu) for name, g in grads.items()}, {}
    for name, p in params.items():
        u = grads[name].lerp(m[name], mu).flatten(1)  # (fan_in, fan_out); of a kernel, (fan_out, fan_in)
        ratio = (u.shape[1] / u.shape[0]) ** (1 if p.ndim == 2 else -1)
        x = u / u.square().sum().sqrt().clamp_min(1e-7)
        for _ in range(5):  # in either layout: NS of the transpose is the transpose
            x = 3.4445 * x + (-4.7750 * (a := x @ x.mT) + 2.0315 * a @ a) @ x
        new[name] = (1 - lr * decay) * p - lr * max(1.0, ratio) ** 0.5 * x.reshape(p.shape)
    return new, State(m)


@hookimpl
def grokbench_regularizers():
    yield my_muon
