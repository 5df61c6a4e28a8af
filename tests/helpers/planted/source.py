"""What planted faults are written with: the head and the hook of a plugin file, and a sound method."""

from typing import NamedTuple

HEAD = '''\
"""A method of a user."""

import random as stdlib_random
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy
import torch

from grokbench import At, Batch, Optimizer, Params, Regularizer, hookimpl, random


'''

HOOK = """

@hookimpl
def grokbench_regularizers():
    yield method
"""


class Fault(NamedTuple):
    """A planted fault, the question that must find it, a phrase of the fix that it must name, and its verdict."""

    source: str
    question: str
    message: str
    fix: str
    verdict: str = "failed"


class Change(NamedTuple):
    """A fault planted into a sound plugin by changing a phrase of it."""

    before: str
    after: str
    question: str
    message: str
    fix: str

    def applied(self, source):
        """The plugin with the fault."""
        assert self.before in source
        return source.replace(self.before, self.after)


SOUND = '''
class Mean(NamedTuple):
    """The mean gradient so far."""

    mean: Params


def init(params: Params) -> Mean:
    """Zeros."""
    return Mean({name: torch.zeros_like(p) for name, p in params.items()})


def transform(grads: Params, state: Mean, at: At, *, gain: float) -> tuple[Params, Mean]:
    """Add noise and the mean."""
    mean = {name: torch.lerp(state.mean[name], g, 0.1) for name, g in grads.items()}
    noise = {name: random.normal(random.fold(at.key, name), tuple(g.shape), g.dtype) for name, g in grads.items()}
    small = {name: torch.where(g.norm() < 1.0, noise[name], 0.0) for name, g in grads.items()}
    return {name: g + gain * (mean[name] + small[name]) for name, g in grads.items()}, Mean(mean)


def penalty(local: Any, state: Mean, at: At, *, gain: float) -> torch.Tensor:
    """The smoothed norm of the input gradients."""
    squares = local.pullback(torch.ones_like(local.outputs)).flatten(1).square().sum(-1)
    return gain * squares.clamp_min(1e-8).sqrt().mean()


def method(gain: float = 0.01) -> Regularizer:
    """Add a mean gradient, a little noise and a penalty."""
    phases = {"transform": partial(transform, gain=gain), "penalty": partial(penalty, gain=gain)}
    return Regularizer(init=init, neutral={"gain": 0.0}, **phases)
'''


def write(folder, source, head=HEAD, hook=HOOK):
    """A plugin file with that source."""
    path = folder / "method.py"
    path.write_text(f"{head}{source.lstrip()}{hook}", encoding="utf-8")
    return path
