"""A trial of a step's phases on tensors without memory, which shows the fields of `At` that they read."""

from collections.abc import Callable
from typing import Any

import torch

from grokbench import random
from grokbench.at import At
from grokbench.step.context import StepContext
from grokbench.step.phases import Phases
from grokbench.step.readings import Readings
from grokbench.types import Params, State

__all__ = ["fields_read", "replica_shapes"]

Call = Callable[[Callable[..., Any], int, Params, State, At], Any]  # phase, number of its method, parameters, state, at


def replica_shapes(readings: Readings) -> Params:
    """Make the parameters of a replica on the meta device, without memory.

    Args:
        readings: the readings of the step.

    Raises:
        Exception: the task cannot be called on the meta device.
    """
    return {name: p.to("meta") for name, p in readings.task.init(random.key(0, "meta")).items()}


def fields_read(readings: Readings, phases: Phases, phase: str, call: Call) -> list[frozenset[str]]:
    """Call a phase of every method that has it, and return for each method the fields of `At` that the phase read.

    Args:
        readings: the readings of the step.
        phases: the phases of the methods.
        phase: the name of a phase, such as "project".
        call: a function that calls the phase of one method with the trained parameters, its state and its `At`.

    Raises:
        Exception: a phase, or the task, cannot be called on the meta device.
    """
    task, key = readings.task, random.key(0, "meta")
    params, zero = replica_shapes(readings), torch.zeros((), dtype=torch.int64, device="meta")
    batch = None if task.fetch else task.splits(key)["train"]
    at = readings.before_gradient(params, StepContext(batch, phases.keys(key), zero, zero))  # type: ignore[arg-type]
    found = []
    for method, function in phases.acting(phase):
        state = readings.regularizers[method].initial_state(task.trained(params), task, key)
        read: list[str] = []
        call(function, method, task.trained(params), state, _watched(at(method, rate=torch.ones(())), read))
        found.append(frozenset(read))
    return found


def _watched(at: At, read: list[str]) -> At:
    """Return a copy of the record that notes the names of the fields that are read."""

    class Watched(At):
        def __getattribute__(self, name: str) -> Any:
            read.append(name)
            return super().__getattribute__(name)

    return Watched(**vars(at))
