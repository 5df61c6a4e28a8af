"""The task's own recipe, unchanged, and the same recipe with a minimal change of the initialisation."""

from functools import partial

from torch import Tensor

from grokbench import Batch, Params, Regularizer, Task, hookimpl, random


def baseline() -> Regularizer:
    """Add nothing: the row that other rows are tested against."""
    return Regularizer(neutral={}, rotates=True)


def placebo(scale: float = 1e-6) -> Regularizer:
    """Perturb the initialisation: w <- (1 + scale z) w with z standard normal, and add nothing else.

    This is a method without a systematic effect, to measure how often the statistics report an effect. A perturbation
    of 1e-6 moves the epochs to grok of single seeds; `docs/determinism.md` shows by how much on each task.
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
