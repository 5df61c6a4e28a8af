"""The executor of a CPU: the steps, evaluations and draws of a group run as flat graphs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from grokbench.engine.batches import Draws, draw
from grokbench.engine.epochs import train_steps
from grokbench.engine.evaluation import measure
from grokbench.engine.flat_function import RECORD_AFTER, FlatFunction
from grokbench.engine.gradients import LookaheadGradients, due_step, look_ahead, looks_ahead
from grokbench.engine.groups import CONSTANT, TRAINING_STATE, Group
from grokbench.step import Step

__all__ = ["FlatExecutor"]


class FlatExecutor:
    """An executor that runs flat graphs; a function that cannot be recorded is called eagerly."""

    steps_between_reads = 0
    few_sizes = False

    def __init__(self, step: Step, record_after: int = RECORD_AFTER) -> None:
        """Create the executor; nothing is recorded yet.

        Args:
            step: the cell's step.
            record_after: see `FlatFunction`.
        """
        self.step, self.record_after = step, record_after
        self._functions: dict[Any, FlatFunction] = {}
        self._numbers = [torch.tensor(number) for number in range(step.task.steps)]

    @property
    def reason(self) -> str | None:
        """The reason why a function is called eagerly; None if no function is."""
        return next((function.note for function in self._functions.values() if function.note), None)

    @property
    def note(self) -> str | None:
        """See `Executor`."""
        why = self.reason
        return f"not recorded as a flat graph, and therefore slower: {why}" if why else None

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, LookaheadGradients | None, Mapping[str, Tensor]]:
        """See `Executor`. With full batches, the evaluation also computes the next step's gradients."""
        at, fields = torch.tensor(epoch), _fields(group)
        pending, known = None, dict[str, Tensor]()
        if looks_ahead(self.step):  # also if the phases that perturb are not due now, as in `look_ahead`
            pending, known = self._flat(_look_ahead, due_step(self.step, epoch, 0))((), (fields, at))
        return self._table(tuple(labels), (fields, at, known)), pending, known

    def _table(self, labels: tuple[str, ...], inputs: Any) -> Tensor:
        return self._measured(labels, inputs)

    def _measured(self, labels: tuple[str, ...], inputs: Any, rare: bool = False) -> Tensor:
        table: Tensor = self._flat(_measure, self.step, labels, rare=rare)((), inputs)
        return table

    def advance(self, group: Group, epoch: int, until: int, pending: LookaheadGradients | None) -> Group:
        """See `Executor`."""
        for completed in range(epoch, until):
            group, pending = self._train_epoch(group, completed, pending), None
        return group

    def _train_epoch(self, group: Group, epoch: int, pending: LookaheadGradients | None) -> Group:
        at, state = torch.tensor(epoch), (_fields(group, TRAINING_STATE), pending)
        drawn = Draws(pending.keys[None], None) if pending else self._drawn(group, at)
        inputs = (_fields(group, CONSTANT), at, drawn)
        for due, numbers in self._equal_steps(epoch):
            state = self._flat(_train_step, due).repeat(state, inputs, [self._numbers[number] for number in numbers])
        if self._whole < self.step.task.steps:
            last = self._flat(_train_last_step, due_step(self.step, epoch, self._whole), rare=True)
            state = last(state, inputs)
        return replace(group, **state[0])

    def _drawn(self, group: Group, epoch: Tensor) -> Draws:
        draws: Draws = self._flat(_draw, self.step, rare=True)((), (_fields(group), epoch))
        return draws

    @property
    def _whole(self) -> int:
        """The steps of an epoch without a smaller last batch."""
        task = self.step.task
        return task.train_size // task.batch_size if task.batch_size else task.steps

    def _equal_steps(self, epoch: int) -> Iterator[tuple[Step, Sequence[int]]]:
        """Yield phases that are due, and the numbers of the steps with them; a smaller last batch is left out."""
        if not self.step.periodic:
            yield self.step, range(self._whole)
            return
        for number in range(self._whole):
            yield due_step(self.step, epoch, number), (number,)

    def _flat(self, function: Callable[..., Any], step: Step, *rest: Any, rare: bool = False) -> FlatFunction:
        """Return the flat function for a function, a step with the phases that are due, and further constants."""
        key = (function, step.skipped, *rest)
        if key not in self._functions:
            self._functions[key] = self._make(partial(function, step, *rest), rare)
        return self._functions[key]

    def _make(self, function: Callable[[Any, Any], Any], rare: bool) -> FlatFunction:
        """Make a flat function.

        Args:
            function: see `FlatFunction`.
            rare: True if the function takes a small part of the time.
        """
        return FlatFunction(function, self.record_after)


def _fields(group: Group, names: Sequence[str] = (*TRAINING_STATE, *CONSTANT)) -> dict[str, Any]:
    return {name: getattr(group, name) for name in names}


def _group(fields: Mapping[str, Any]) -> Group:
    """Make a group from its tensors; the seeds are left out, because steps and evaluations do not depend on them."""
    return Group(seeds=(), **fields)


def _draw(step: Step, state: tuple[()], inputs: Any) -> Draws:
    fields, epoch = inputs
    return draw(step, _group(fields), epoch)


def _look_ahead(step: Step, state: tuple[()], inputs: Any) -> Any:
    fields, epoch = inputs
    return look_ahead(step, _group(fields), epoch)


def _measure(step: Step, labels: Sequence[str], state: tuple[()], inputs: Any) -> Tensor:
    fields, epoch, known = inputs
    return measure(step, _group(fields), labels, epoch, known)


def _train_step(step: Step, state: Any, inputs: Any) -> tuple[dict[str, Any], None]:
    (fields, pending), (constant, epoch, drawn, number) = state, inputs
    group = train_steps(step, _group(fields | constant), epoch, drawn, [number], pending)
    return _fields(group, TRAINING_STATE), None


def _train_last_step(step: Step, state: Any, inputs: Any) -> tuple[dict[str, Any], None]:
    """Train the step with the smaller batch, whose number has to be an int."""
    return _train_step(step, state, (*inputs, step.task.steps - 1))
