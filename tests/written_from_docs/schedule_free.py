"""Schedule-free AdamW: Defazio et al., 2024, arXiv:2405.15682, as `pytorch_optimizer.ScheduleFreeAdamW`.

y = beta1 x + (1 - beta1) z is trained, x evaluated:  d = g(y) / (sqrt(v_hat) + eps) + wd y,  z <- z - lr d,
x <- (1 - 1/t) x + z/t. No warm-up.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import Params, Regularizer, hookimpl


class State(NamedTuple):
    z: Params
    v: Params


def my_schedule_free(lr: float = 0.0025, weight_decay: float | None = None, beta1: float = 0.9) -> Regularizer:
    """Replace the task's optimizer by schedule-free AdamW; `weight_decay` None is the task's."""
    averaged, step = partial(average, beta1=beta1), partial(update, lr=lr, decay=weight_decay, beta1=beta1)
    everything, privileges = lambda roles, shapes: list(shapes), frozenset({"averaged_weights"})
    return Regularizer(init=init, claims=everything, update=step, eval_params=averaged, privileges=privileges)


def init(params):
    return State({k: p.clone() for k, p in params.items()}, {k: torch.zeros_like(p) for k, p in params.items()})


def update(params, grads, state, at, *, lr, decay, beta1, beta2=0.999):
    t, decay = at.step.double() + 1, at.weight_decay if decay is None else decay  # powers of int64 would be float32
    v = {k: beta2 * state.v[k] + (1 - beta2) * g.square() for k, g in grads.items()}
    d = {k: g / ((v[k] / (1 - beta2**t) + 1e-15).sqrt() + 1e-8) + decay * params[k] for k, g in grads.items()}
    y = {k: p + (state.z[k] - p) / t + lr * (beta1 * (1 - 1 / t) - 1) * d[k] for k, p in params.items()}
    return y, State({k: z - lr * d[k] for k, z in state.z.items()}, v)


def average(params, state, *, beta1):
    return {k: p + (1 - 1 / beta1) * (state.z[k] - p) for k, p in params.items()}


@hookimpl
def grokbench_regularizers():
    yield my_schedule_free
