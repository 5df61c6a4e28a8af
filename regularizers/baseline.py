"""The task's own recipe, with its weight decay, as it is; and the same with an imperceptible difference."""

from functools import partial

from torch import Tensor

from grokbench import Batch, Params, Regularizer, Task, hookimpl, random


def baseline() -> Regularizer:
    """Add nothing: the row the others are tested against."""
    return Regularizer(neutral={}, rotates=True)


def placebo(scale: float = 1e-6) -> Regularizer:
    """Perturb the initialisation: w <- (1 + scale z) w with z standard normal, and add nothing else.

    A method without effect, to measure how often the statistics find one. A perturbation of 1e-6 moves the epochs to
    grok of single seeds: `docs/determinism.md` has by how much on each task.
    """
    return Regularizer(prepare=partial(prepare, scale=scale), neutral={"scale": 0.0})


def prepare(params: Params, task: Task, train: Batch, key: Tensor, *, scale: float) -> Params:
    """Multiply every parameter by 1 + scale z."""
    del task, train
    noise = {name: random.normal(random.fold(key, name), tuple(p.shape), p.dtype) for name, p in params.items()}
    return {name: p * (1.0 + scale * noise[name]) for name, p in params.items()}


@hookimpl
def grokbench_regularizers():
    yield baseline
    yield placebo
