"""One method on one replica, phase by phase, with random numbers in place of gradients and updates."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from grokbench import random
from grokbench.conformance.short_runs import data
from grokbench.engine.groups import cast
from grokbench.step import Step, StepContext
from grokbench.types import Batch, Params

__all__ = ["StepProbe", "begun", "drawn", "walk"]

SIZE = 0.01  # size of an update
STEPS = 10
BEGINS = (0, 10_000)  # first steps; the second is after any warm-up


@dataclass(frozen=True)
class StepProbe:
    """A step of one replica of a method, whose phases can be called with any numbers.

    Attributes:
        step: the step of a task with one method.
        params: all parameters, before the update.
        states: the states of the method, in a tuple.
        number: the number of the step.
        train: the training set.
    """

    step: Step
    params: Params
    states: tuple[Any, ...]
    number: int
    train: Batch

    def through(self, phase: str, moved: Params, params: Params | None = None, states: Any = None) -> Any:
        """Call `transform`, `project` or `update`, and return its result with the states after it.

        Args:
            phase: the name of the phase.
            moved: gradients, or updated parameters.
            params: the parameters before the update; by default those of the probe.
            states: the states of the method; by default those of the probe.
        """
        params, states = params or self.params, self.states if states is None else states
        outputs, context = self._context(params)
        step = self.step.due_at(self.number)
        with torch.no_grad():
            if phase == "update":
                return step.update(moved, params, states, outputs, context)
            return step.through(phase, moved, params, states, outputs, context)

    def _context(self, params: Params) -> tuple[Tensor, StepContext]:
        task = self.step.task
        batch, some = (Batch(*(part[:size] for part in self.train)) for size in (task.batch_size, 3))
        keys = self.step.keys(random.fold(random.key(0), "probe", self.number))
        counts = (torch.tensor(self.number), torch.tensor(self.number // task.steps))
        return task.outputs(params, batch.inputs), StepContext(batch, keys, *counts, self.train, some)


def begun(step: Step, number: int = 0) -> StepProbe:
    """Make a probe whose parameters and states are initial ones.

    Args:
        step: the step of a task with one method.
        number: the number of the step.
    """
    params, train = cast((step.task.init(random.key(0)), data(step.task)["train"]), torch.float64)
    return StepProbe(step, params, step.init(params, random.key(0)), number, train)


def drawn(params: Params, purpose: str, number: int) -> Params:
    """Draw standard normal numbers in the shapes of parameters.

    Args:
        params: the parameters.
        purpose: the use of the draws; draws for different uses are independent.
        number: the number of the step; draws for different steps are independent.
    """
    key = random.fold(random.key(1), purpose, number)
    return {name: random.normal(random.fold(key, name), tuple(p.shape)).to(p) for name, p in params.items()}


def walk(step: Step) -> Iterator[tuple[StepProbe, Params, Params]]:
    """Yield some steps of a random walk that goes through `transform` and `project`.

    Args:
        step: the step of a task with one method.

    Yields:
        The probe of a step, with the states after `transform`; its gradients; the updated parameters before `project`.
    """
    for begin in BEGINS:
        probe = begun(step, begin)
        for number in range(begin, begin + STEPS):
            trained = step.task.trained(probe.params)
            grads, steps = (drawn(trained, purpose, number) for purpose in ("grads", "update"))
            updated = {name: p + SIZE * steps[name] for name, p in trained.items()}
            _, states = replace(probe, number=number).through("transform", grads)
            probe = replace(probe, number=number, states=states)
            yield probe, grads, updated
            moved, states = probe.through("project", updated)
            probe = replace(probe, params=probe.params | moved, states=states)
