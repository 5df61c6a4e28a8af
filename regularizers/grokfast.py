"""Grokfast: Lee et al., "Grokfast: accelerated grokking by amplifying slow gradients", 2024, arXiv:2405.20233.

A running mean estimates the slow part of the gradients. It is multiplied by a gain and added to each gradient. As in
the authors' code, this filter acts before weight decay, so weight decay is not filtered.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import At, Params, Regularizer, hookimpl


class EmaState(NamedTuple):
    """h, the exponential mean of the gradients so far, shaped like the parameters."""

    h: Params


def grokfast_ema(alpha: float = 0.98, lamb: float = 2.0) -> Regularizer:
    """Add `lamb` times an exponential mean of the gradients.

        h <- alpha h + (1 - alpha) g        g <- g + lamb h

    h starts at the first gradient. The filter's gain is 1 + lamb at frequency zero. At the settings that Walker et al.
    use (alpha 0.8, lamb 0.1) it lies between 1.01 and 1.10 at all frequencies, which hardly changes the steps of Adam.

    ValueError unless 0 <= `alpha` < 1.
    """
    if not 0.0 <= alpha < 1.0:
        raise ValueError(f"alpha must be at least 0 and below 1, got {alpha}")
    transform = partial(ema, alpha=alpha, lamb=lamb)
    return Regularizer(init=ema_init, transform=transform, neutral={"lamb": 0.0}, rotates=True)


def ema_init(params: Params) -> EmaState:
    """Zeros, replaced by the first gradient."""
    return EmaState({name: torch.zeros_like(p) for name, p in params.items()})


def ema(grads: Params, state: EmaState, at: At, *, alpha: float, lamb: float) -> tuple[Params, EmaState]:
    """Filter the gradients."""
    later = at.step > 0  # h_0 = g_0
    h = {name: torch.lerp(state.h[name], g, 1.0 - alpha * later.to(g.dtype)) for name, g in grads.items()}
    return {name: g + lamb * h[name] for name, g in grads.items()}, EmaState(h)


class MaState(NamedTuple):
    """The last gradients, (window, ...) per parameter, as a ring, and their sum."""

    ring: Params
    total: Params


def grokfast_ma(window: int = 100, lamb: float = 5.0) -> Regularizer:
    """Add `lamb` times the mean of the last `window` gradients, once there are `window` gradients.

        g <- g + lamb mean(g_{t - window + 1}, ..., g_t)

    Memory: window + 1 times the parameters. The authors' code keeps a queue and computes its mean anew at every step.
    Here a running sum is used, which differs by rounding. Until there are `window` gradients, gradients pass unchanged
    (the `warmup` of the authors' code).

    ValueError unless `window` is at least 1.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    return Regularizer(
        init=partial(ma_init, window=window),
        transform=partial(ma, window=window, lamb=lamb),
        neutral={"lamb": 0.0},
        rotates=True,
    )


def ma_init(params: Params, *, window: int) -> MaState:
    """An empty ring."""
    ring = {name: p.new_zeros((window, *p.shape)) for name, p in params.items()}
    return MaState(ring, {name: torch.zeros_like(p) for name, p in params.items()})


def ma(grads: Params, state: MaState, at: At, *, window: int, lamb: float) -> tuple[Params, MaState]:
    """Put the gradients into the ring and filter them."""
    slot = (at.step % window)[None]
    full = at.step >= window - 1
    ring, total, filtered = {}, {}, {}
    for name, g in grads.items():
        oldest = state.ring[name].index_select(0, slot).squeeze(0)
        ring[name] = state.ring[name].index_copy(0, slot, g[None])
        total[name] = state.total[name] + (g - oldest)
        filtered[name] = g + lamb / window * full.to(g.dtype) * total[name]
    return filtered, MaState(ring, total)


@hookimpl
def grokbench_regularizers():
    yield grokfast_ema
    yield grokfast_ma
