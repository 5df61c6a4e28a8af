"""The key `optimizer` of a regularizer: other settings of the task's optimizer, and a schedule of its learning rate.

The settings themselves are compared with the task's optimizer when the suite is planned, see `plan.recipes`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from grokbench.records.recipe import SCHEDULES
from grokbench.suite.entries import OPTIMIZER, is_grid
from grokbench.suite.problems import KeyPath, Problem
from grokbench.text.lists import either
from grokbench.text.suggest import did_you_mean, shown
from grokbench.validation import is_count

__all__ = ["optimizer_problems"]


def optimizer_problems(path: KeyPath, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the wrong schedules and warm-ups of a regularizer, for all tasks and in `per_task`.

    Args:
        path: the regularizer's key path.
        entry: the keys and values of the regularizer.
    """
    yield from _setting_problems((*path, OPTIMIZER), entry.get(OPTIMIZER))
    for task, extra in (entry.get("per_task") or {}).items():
        yield from _setting_problems((*path, "per_task", task, OPTIMIZER), (extra or {}).get(OPTIMIZER))


def _setting_problems(path: KeyPath, given: Any) -> Iterator[Problem]:
    if given is None:
        return
    if not isinstance(given, Mapping):
        yield Problem(path, f"{shown(given)}, expected a mapping (lines 'key: value')")
        return
    for place, schedule in _values((*path, "schedule"), given.get("schedule")):
        if schedule not in SCHEDULES:
            near = did_you_mean(schedule, SCHEDULES) if isinstance(schedule, str) else ""
            yield Problem(place, f"{shown(schedule)}, expected {either(SCHEDULES)}{near}")
    for place, epochs in _values((*path, "warmup"), given.get("warmup")):
        if not is_count(epochs, 0):
            yield Problem(place, f"{shown(epochs)}, expected a whole number of epochs")


def _values(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    """Yield a value with its key path, or each value of a grid; nothing if no value is given."""
    if is_grid(value):
        values = value["grid"] if isinstance(value["grid"], list) else []
        yield from (((*path, "grid", i), each) for i, each in enumerate(values))
    elif value is not None:
        yield path, value
