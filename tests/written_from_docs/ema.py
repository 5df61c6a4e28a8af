"""Averaged weights: Polyak & Juditsky, 1992, with exponential weights.

mean <- decay mean + (1 - decay) w after every step; the mean, which starts at w_0, is evaluated
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import Params, Regularizer, hookimpl


class State(NamedTuple):
    mean: Params


def my_ema(decay: float = 0.999) -> Regularizer:
    """Evaluate the exponential moving average of the weights."""
    return Regularizer(
        init=init,
        project=partial(project, decay=decay),
        eval_params=lambda params, state: state.mean,
        neutral={"decay": 0.0},
        privileges=frozenset({"averaged_weights"}),
        rotates=True,
    )


def init(params):
    return State({name: p.clone() for name, p in params.items()})


def project(params, state, at, *, decay):
    return params, State({name: torch.lerp(p, state.mean[name], decay) for name, p in params.items()})


@hookimpl
def grokbench_regularizers():
    yield my_ema
