"""Find whether `project` reads the parameters before the update, which the optimizer then has to leave in place."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from grokbench import random
from grokbench.at import At
from grokbench.step.context import StepContext
from grokbench.step.readings import Readings

__all__ = ["reads_params"]


def reads_params(readings: Readings, projections: Sequence[tuple[int, Callable[..., Any]]], keys: Tensor) -> bool:
    """Call the projections on the shapes of a replica, and return whether one reads `At.params`.

    Args:
        readings: of the step.
        projections: the numbers of methods and their `project`.
        keys: (methods,), on the meta device.

    Raises:
        Exception: a projection, or the task, cannot be called on the meta device.
    """
    task, looked = readings.task, list[str]()
    params = {name: p.to("meta") for name, p in task.init(random.key(0, "meta")).items()}
    trained, zero = task.trained(params), torch.zeros((), dtype=torch.int64, device="meta")
    batch = None if task.fetch else task.splits(random.key(0, "meta"))["train"]
    at = readings.before_gradient(params, StepContext(batch, keys, zero, zero))  # type: ignore[arg-type]
    states = [regularizer.initial_state(trained, task) for regularizer in readings.regularizers]
    for method, project in projections:
        project(task.trained(params), states[method], _watched(at(method), looked))
    return "params" in looked


def _watched(at: At, looked: list[str]) -> At:
    """The same record, which notes the names of the fields that are read."""

    class Watched(At):
        def __getattribute__(self, name: str) -> Any:
            looked.append(name)
            return super().__getattribute__(name)

    return Watched(**vars(at))
