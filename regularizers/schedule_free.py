"""Schedule-free AdamW: Defazio et al., "The road less scheduled", NeurIPS 2024, arXiv:2405.15682, Algorithm 1."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grokbench import At, Params, Regularizer, hookimpl

TINY = 1e-30  # least sum before a division: all learning rates so far may be 0


class ScheduleFree(NamedTuple):
    """The weights z that AdamW moves, its second moment v, and the sum of all (lr_t / lr)^2, ()."""

    z: Params
    v: Params
    squares: Tensor


def schedule_free(
    lr: float = 0.0025,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float | None = None,
    warmup: int = 0,
) -> Regularizer:
    """Train weights z by AdamW, with gradients at a point y between z and their mean x; evaluate x.

        y = (1 - beta1) z + beta1 x,  g = grad L(y)        v <- beta2 v + (1 - beta2) g^2
        z <- z - lr_t (g / (sqrt(v / (1 - beta2^t)) + eps) + wd y)
        x <- (1 - c) x + c z,  c = lr_t^2 / sum_{i <= t} lr_i^2

    t counts steps from 1, and lr_t = lr min(t / warmup, 1). The replica's parameters are y. The method replaces the
    task's optimizer. wd is `weight_decay` or, if that is None, the task's; the authors' default is 0, with which few
    networks grok.

    ValueError unless 0 < `beta1` < 1 and `warmup` is at least 0.
    """
    if not 0.0 < beta1 < 1.0:
        raise ValueError(f"beta1 must be above 0 and below 1, got {beta1}")
    if warmup < 0:
        raise ValueError(f"warmup must not be negative, got {warmup}")
    step = partial(update, lr=lr, warmup=warmup, beta1=beta1, beta2=beta2, eps=eps, decay=weight_decay)
    return Regularizer(init=init, claims=everything, update=step, eval_params=partial(averaged, beta1=beta1))


def everything(roles: Mapping[str, Any], shapes: Mapping[str, Any]) -> list[str]:
    """The names of all parameters."""
    del roles
    return list(shapes)


def init(params: Params) -> ScheduleFree:
    """Start z at the initial weights."""
    z = {name: p.clone() for name, p in params.items()}
    squares = next(iter(params.values())).new_zeros(())
    return ScheduleFree(z, {name: torch.zeros_like(p) for name, p in params.items()}, squares)


def update(
    params: Params,
    grads: Params,
    state: ScheduleFree,
    at: At,
    *,
    lr: float,
    warmup: int,
    beta1: float,
    beta2: float,
    eps: float,
    decay: float | None,
) -> tuple[Params, ScheduleFree]:
    """Take one step; the parameters are y."""
    assert at.rate is not None
    t = at.step.double() + 1.0
    factor = at.rate * (t / max(warmup, 1)).clamp_max(1.0)  # lr_t / lr
    squares = state.squares + factor.square().to(state.squares.dtype)
    c = factor.square() / squares.clamp_min(TINY)
    wd = at.weight_decay if decay is None else decay
    x, y, z, v = averaged(params, state, beta1=beta1), {}, {}, {}
    for name, g in grads.items():
        v[name] = beta2 * state.v[name] + (1.0 - beta2) * g.square()
        d = g / ((v[name] / (1.0 - beta2**t).to(g.dtype)).sqrt() + eps) + wd * params[name]
        z[name] = state.z[name] - lr * factor.to(g.dtype) * d
        y[name] = torch.lerp(z[name], torch.lerp(x[name], z[name], c.to(g.dtype)), beta1)
    return y, ScheduleFree(z, v, squares)


def averaged(params: Params, state: ScheduleFree, *, beta1: float) -> Params:
    """The mean x, from y and z."""
    return {name: z + (params[name] - z) / beta1 for name, z in state.z.items()}


@hookimpl
def grokbench_regularizers():
    yield schedule_free
