"""Settings of a task's optimizer that a suite changes: their mistakes, and their values in a recipe."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from grokbench.records.recipe import SCHEDULE_KEYS
from grokbench.step.recipes import read_setting, settings, with_settings
from grokbench.suite import RegularizerEntry, Suite, TaskEntry
from grokbench.suite.entries import OPTIMIZER
from grokbench.suite.problems import KeyPath, dotted
from grokbench.suite.shapes import expected
from grokbench.task import Task
from grokbench.text.suggest import did_you_mean, short, shown
from grokbench.types import Optimizer

__all__ = ["resolved_settings", "setting_faults"]

SHARES = ("betas", "momentum")  # settings that are decay rates of running means


def resolved_settings(optimizer: Optimizer, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a suite gives, as JSON data of the types that the optimizer expects.

    A schedule that changes nothing is left out.

    Args:
        optimizer: the task's own optimizer.
        given: name -> value, checked by `setting_faults`.
    """
    nothing = {"schedule": "constant", "warmup": 0}
    kept = {name: value for name, value in given.items() if value != nothing.get(name)}
    read = {name: v if name in SCHEDULE_KEYS else read_setting(optimizer, name, v) for name, v in kept.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in read.items()}


def setting_faults(suite: Suite, entry: TaskEntry, task: Task) -> Iterator[str]:
    """Yield the settings that the optimizer of a task does not have or refuses, each with its place.

    Args:
        suite: the suite, which holds the methods and the places of keys in the file.
        entry: the task's entry.
        task: the task, made with its parameters.
    """
    for method in suite.regularizers:
        given = method.optimizer_for(entry.label)
        faults = list(_faults(task, given, entry.epochs or task.epochs))
        for name, fault in faults or _refusal(task, given):
            path = _place(suite, method, entry, name)
            yield f"{suite.where(path)}: {dotted(path)}: {fault}"


def _faults(task: Task, given: Mapping[str, Any], budget: int) -> Iterator[tuple[str, str]]:
    """Yield (setting, what is wrong with it)."""
    known = settings(task.optimizer)
    for name, value in given.items():
        if name == "warmup" and value >= budget:
            yield name, f"a warm-up of {value} epochs, expected fewer than the budget, {budget}"
        elif name not in SCHEDULE_KEYS and name not in known:
            names = [*known, *SCHEDULE_KEYS]
            kind = type(task.optimizer).__name__
            yield name, f"{kind} has no {short(name)!r}, expected one of: {', '.join(names)}{did_you_mean(name, names)}"
        elif name not in SCHEDULE_KEYS and (fault := _type_fault(task.optimizer, name, value)):
            yield name, fault


def _type_fault(optimizer: Optimizer, name: str, value: Any) -> str | None:
    try:
        read = read_setting(optimizer, name, value)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"[{part}]" for part in first["loc"] if isinstance(part, int))
        return f"{f'at {where}: ' * bool(where)}expected {expected(first)}, got {shown(first['input'])}"
    shares = read if isinstance(read, tuple) else (read,)
    if name in SHARES and not all(0 <= share < 1 for share in shares):
        return f"{'/'.join(map(str, shares))}, expected at least 0 and less than 1"
    return None


def _refusal(task: Task, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the task itself refuses, such as a negative learning rate."""
    for name, value in given.items():
        try:
            with_settings(task, {name: value})
        except (TypeError, ValueError) as error:
            yield name, str(error)


def _place(suite: Suite, method: RegularizerEntry, entry: TaskEntry, name: str) -> KeyPath:
    """Find the key path that sets a value: in `per_task`, or for all tasks."""
    special = [(*method.path, "per_task", label, OPTIMIZER, name) for label in (entry.label, entry.path[1])]
    return next((path for path in special if suite.holds(path)), (*method.path, OPTIMIZER, name))
