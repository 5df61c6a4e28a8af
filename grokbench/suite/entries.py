"""The entries of a suite: tasks, regularizers and metrics, with grids expanded into one entry per value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from grokbench.cadence import Every
from grokbench.records import Use
from grokbench.suite.problems import KeyPath
from grokbench.suite.schema import MetricShape, RegularizerShape, TaskShape

__all__ = [
    "MetricEntry",
    "RegularizerEntry",
    "TaskEntry",
    "Use",
    "expansions",
    "family",
    "grid_size",
    "grid_value",
    "is_grid",
    "metric_entries",
    "plugin_uses",
    "regularizer_entries",
    "task_entries",
]

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class TaskEntry:
    """One task of a suite. None stands for the task's own default."""

    label: str
    use: Use
    epochs: int | None  # the budget
    evaluate_every: int | None  # epochs
    stop: str | int | None  # "grokked", "budget", or k: grokked at k evaluations in a row
    grokked: Mapping[str, str] | None  # metric label -> condition such as "> 0.80"
    path: KeyPath


@dataclass(frozen=True)
class RegularizerEntry:
    """One regularizer of a suite; several uses make a combined method, applied in order."""

    label: str
    uses: tuple[Use, ...]
    per_task: Mapping[str, Mapping[str, Any]]  # task label -> parameters, or plugin -> parameters when combined
    path: KeyPath

    def uses_for(self, task: str) -> tuple[Use, ...]:
        """The uses on the task of that label: what `per_task` sets there replaces what stands above it."""
        extra = self.per_task.get(task, {})
        if len(self.uses) == 1:
            return (_merged(self.uses[0], extra),)
        return tuple(_merged(use, extra.get(use.name) or {}) for use in self.uses)


@dataclass(frozen=True)
class MetricEntry:
    """One metric of a suite, and its cadence; None: at every evaluation."""

    label: str
    use: Use
    every: Every | None
    path: KeyPath


def _merged(use: Use, extra: Parameters) -> Use:
    return Use(use.name, {**use.parameters, **extra})


def is_grid(value: Any) -> bool:
    """Whether a parameter's value is `{grid: [...]}`."""
    return isinstance(value, Mapping) and "grid" in value


def plugin_uses(label: str, entry: Parameters, named: Iterable[str]) -> tuple[Use, ...]:
    """The plugins that an entry uses; `named` are its keys that are no parameters."""
    use = entry.get("use") or label
    if isinstance(use, list):
        return tuple(Use(name, entry.get(name) or {}) for name in use)
    return (Use(use, {key: value for key, value in entry.items() if key not in set(named)}),)


def grid_size(uses: tuple[Use, ...]) -> int:
    """How many entries the grids of an entry make; 1 without grids."""
    return prod(len(value["grid"]) for use in uses for value in use.parameters.values() if is_grid(value))


def expansions(label: str, uses: tuple[Use, ...]) -> list[tuple[str, tuple[Use, ...]]]:
    """Label and uses for every choice of the grids' values, the last grid fastest: `label[a=1,b=2]`."""
    grids = [(i, key, v["grid"]) for i, use in enumerate(uses) for key, v in use.parameters.items() if is_grid(v)]
    if not grids:
        return [(label, uses)]
    prefixes = [f"{use.name}." if len(uses) > 1 else "" for use in uses]
    expanded = []
    for values in product(*(values for _, _, values in grids)):
        chosen = [(i, key, value) for (i, key, _), value in zip(grids, values, strict=True)]
        inside = ",".join(f"{prefixes[i]}{key}={grid_value(value)}" for i, key, value in chosen)
        resolved = [_merged(use, {k: v for j, k, v in chosen if j == i}) for i, use in enumerate(uses)]
        expanded.append((f"{label}[{inside}]", tuple(resolved)))
    return expanded


def grid_value(value: Any) -> str:
    """A value of a grid as its label shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def family(label: str, entries: Iterable[TaskEntry | RegularizerEntry]) -> list[str]:
    """The expanded labels that a label of the file stands for: itself, or all of its grid; empty if unknown."""
    return [entry.label for entry in entries if label in (entry.label, entry.path[1])]


def task_entries(section: Mapping[str, Parameters | None]) -> tuple[TaskEntry, ...]:
    """The entries of `tasks`, checked before."""
    return tuple(entry for label, given in section.items() for entry in _tasks(label, given or {}))


def _tasks(label: str, given: Parameters) -> list[TaskEntry]:
    stop = given.get("stop")
    settings = {key: given.get(key) for key in ("epochs", "evaluate_every", "grokked")}
    settings["stop"] = stop["sustained"] if isinstance(stop, Mapping) else stop
    uses = plugin_uses(label, given, TaskShape.model_fields)
    return [TaskEntry(name, one[0], path=("tasks", label), **settings) for name, one in expansions(label, uses)]


def regularizer_entries(
    section: Mapping[str, Parameters | None], tasks: tuple[TaskEntry, ...]
) -> tuple[RegularizerEntry, ...]:
    """The entries of `regularizers`, checked before; `per_task` is spread over the expanded labels of tasks."""
    return tuple(entry for label, given in section.items() for entry in _regularizers(label, given or {}, tasks))


def _regularizers(label: str, given: Parameters, tasks: tuple[TaskEntry, ...]) -> list[RegularizerEntry]:
    uses = plugin_uses(label, given, RegularizerShape.model_fields)
    per_task = _spread(given, tasks)
    return [RegularizerEntry(name, one, per_task, ("regularizers", label)) for name, one in expansions(label, uses)]


def _spread(given: Parameters, tasks: tuple[TaskEntry, ...]) -> dict[str, Parameters]:
    use, written = given.get("use"), given.get("per_task") or {}
    only = use[0] if isinstance(use, list) and len(use) == 1 else None
    spread: dict[str, Parameters] = {}
    for task in tasks:
        extra = written.get(task.label, written.get(task.path[1])) or {}
        if extra:
            spread[task.label] = (extra.get(only) or {}) if only else extra
    return spread


def metric_entries(section: Mapping[str, Parameters | None]) -> tuple[MetricEntry, ...]:
    """The entries of `metrics`, checked before."""
    return tuple(_metric(label, given or {}) for label, given in section.items())


def _metric(label: str, given: Parameters) -> MetricEntry:
    use = plugin_uses(label, given, MetricShape.model_fields)[0]
    return MetricEntry(label, use, given.get("every"), ("metrics", label))
