"""The entries of a suite: tasks, regularizers and metrics, with grids expanded into one entry per value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from grokbench.cadence import Every
from grokbench.criterion import Stop
from grokbench.records import Snapshots, Use
from grokbench.suite.problems import KeyPath
from grokbench.suite.schema import MetricShape, RegularizerShape, TaskShape
from grokbench.suite.snapshots import read_snapshots

__all__ = [
    "OPTIMIZER",
    "MetricEntry",
    "RegularizerEntry",
    "TaskEntry",
    "Use",
    "expansions",
    "families",
    "family",
    "gridded_uses",
    "grid_size",
    "grid_value",
    "is_grid",
    "metric_entries",
    "plugin_uses",
    "regularizer_entries",
    "task_entries",
]

Parameters = Mapping[str, Any]
OPTIMIZER = "optimizer"  # the key under which a regularizer changes the task's optimizer


@dataclass(frozen=True)
class TaskEntry:
    """A task of a suite. A field that is None stands for the task's own default.

    Attributes:
        label: unique among the tasks.
        use: the plugin and its parameters.
        epochs: the budget.
        evaluate_every: epochs between evaluations.
        stop: "grokked", "budget", the number of consecutive evaluations at which the criterion must hold, {"hold": H}
            with the number H of epochs for which grokking must last, or "hold" for the default H, see `plan.holds`.
        grokked: metric label -> condition such as "> 0.80".
        weights: when weights are kept; None for the suite's rule.
        path: the path of the entry in the file; entries of a grid share it.
    """

    label: str
    use: Use
    epochs: int | None
    evaluate_every: int | None
    stop: Stop | None
    grokked: Mapping[str, str] | None
    weights: Snapshots | None
    path: KeyPath


@dataclass(frozen=True)
class RegularizerEntry:
    """A regularizer of a suite.

    Attributes:
        label: unique among the regularizers.
        uses: the plugins and their parameters. Several plugins form a combined method and are applied in order.
        per_task: task label -> parameters; for a combined method, task label -> plugin -> parameters. Both forms may
            also hold `optimizer`.
        path: the path of the entry in the file; entries of a grid share it.
        optimizer: changed settings of the task's optimizer, name -> value, including `schedule` and `warmup`.
        compare_to: labels of the regularizers, besides the baseline, against which this one is tested. They are labels
            of the file: grids are not expanded.
    """

    label: str
    uses: tuple[Use, ...]
    per_task: Mapping[str, Mapping[str, Any]]
    path: KeyPath
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    compare_to: tuple[str, ...] = ()

    def uses_for(self, task: str) -> tuple[Use, ...]:
        """Return the plugins on a task, with the parameters that `per_task` sets for this task."""
        extra = {key: value for key, value in self.per_task.get(task, {}).items() if key != OPTIMIZER}
        if len(self.uses) == 1:
            return (_merged(self.uses[0], extra),)
        return tuple(_merged(use, extra.get(use.name) or {}) for use in self.uses)

    def optimizer_for(self, task: str) -> dict[str, Any]:
        """Return the changed settings of the optimizer on a task; `per_task` overrides single settings."""
        merged = {**self.optimizer, **(self.per_task.get(task, {}).get(OPTIMIZER) or {})}
        return {key: value for key, value in merged.items() if value is not None}


@dataclass(frozen=True)
class MetricEntry:
    """A metric of a suite.

    Attributes:
        label: unique among the metrics.
        use: the plugin and its parameters.
        every: the cadence; None to measure at every evaluation.
        path: the path of the entry in the file.
        raw: True to measure at the trained weights even if a method evaluates averaged weights.
    """

    label: str
    use: Use
    every: Every | None
    path: KeyPath
    raw: bool = False


def _merged(use: Use, extra: Parameters) -> Use:
    return Use(use.name, {**use.parameters, **extra})


def is_grid(value: Any) -> bool:
    """Return whether a parameter's value is `{grid: [...]}`."""
    return isinstance(value, Mapping) and "grid" in value


def plugin_uses(label: str, entry: Parameters, named: Iterable[str]) -> tuple[Use, ...]:
    """Return the plugins of an entry.

    Args:
        label: the entry's label, which names the plugin if the entry has no `use`.
        entry: the keys and values of the file.
        named: keys that are not parameters.
    """
    use = entry.get("use") or label
    if isinstance(use, list):
        return tuple(Use(name, entry.get(name) or {}) for name in use)
    return (Use(use, {key: value for key, value in entry.items() if key not in set(named)}),)


def gridded_uses(label: str, entry: Parameters, named: Iterable[str]) -> tuple[Use, ...]:
    """Return everything in an entry that may have grids: its plugins, then a use OPTIMIZER with optimizer settings.

    Args:
        label: the label of the entry.
        entry: the keys and values of the file.
        named: keys that are not parameters.
    """
    return (*plugin_uses(label, entry, named), Use(OPTIMIZER, entry.get(OPTIMIZER) or {}))


def grid_size(uses: tuple[Use, ...]) -> int:
    """Return the number of entries that the grids of an entry expand to; 1 without grids."""
    return prod(len(value["grid"]) for use in uses for value in use.parameters.values() if is_grid(value))


def expansions(label: str, uses: tuple[Use, ...]) -> list[tuple[str, tuple[Use, ...]]]:
    """Expand the grids of an entry.

    Args:
        label: the label of the entry.
        uses: the result of `gridded_uses`.

    Returns:
        (label, uses) for each combination of values, with labels such as `label[a=1,b=2]`. The last grid varies
        fastest.
    """
    grids = [(i, key, v["grid"]) for i, use in enumerate(uses) for key, v in use.parameters.items() if is_grid(v)]
    if not grids:
        return [(label, uses)]
    names = [key for _, key, _ in grids]
    expanded = []
    for values in product(*(values for _, _, values in grids)):
        chosen = [(i, key, value) for (i, key, _), value in zip(grids, values, strict=True)]
        inside = ",".join(f"{_prefix(uses, i, names.count(key))}{key}={grid_value(value)}" for i, key, value in chosen)
        resolved = [_merged(use, {k: v for j, k, v in chosen if j == i}) for i, use in enumerate(uses)]
        expanded.append((f"{label}[{inside}]", tuple(resolved)))
    return expanded


def _prefix(uses: tuple[Use, ...], number: int, same: int) -> str:
    """Return the prefix of a parameter in a label: the name of its use, if several uses could have the parameter."""
    several = len(uses) > 2 if uses[number].name != OPTIMIZER else same > 1
    return f"{uses[number].name}." if several else ""


def grid_value(value: Any) -> str:
    """Format a grid's value for a label; a list's numbers are joined by slashes."""
    if isinstance(value, list):
        return "/".join(map(grid_value, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def family(label: str, entries: Iterable[TaskEntry | RegularizerEntry]) -> list[str]:
    """Return the labels that a label of the file stands for: itself, or every label of its grid; empty if unknown.

    Args:
        label: the label of a task or a regularizer, as in the file or after the expansion of grids.
        entries: the entries, with grids expanded; the labels keep their order.
    """
    return [entry.label for entry in entries if label in (entry.label, entry.path[1])]


def families(labels: str | Sequence[str], entries: Sequence[TaskEntry | RegularizerEntry]) -> list[str]:
    """Return the labels that a label of the file, or a list of labels, stands for, see `family`.

    Args:
        labels: one label, or several.
        entries: the entries, with grids expanded.
    """
    return [name for label in ([labels] if isinstance(labels, str) else labels) for name in family(label, entries)]


def task_entries(section: Mapping[str, Parameters | None]) -> tuple[TaskEntry, ...]:
    """Return the entries of the section `tasks`; the section must be free of mistakes."""
    return tuple(entry for label, given in section.items() for entry in _tasks(label, given or {}))


def _tasks(label: str, given: Parameters) -> list[TaskEntry]:
    stop = given.get("stop")
    settings = {key: given.get(key) for key in ("epochs", "evaluate_every", "grokked")}
    settings["stop"] = stop["sustained"] if isinstance(stop, Mapping) and "sustained" in stop else stop
    settings["weights"] = read_snapshots(given.get("weights"))
    uses = gridded_uses(label, given, TaskShape.model_fields)
    return [TaskEntry(name, one[0], path=("tasks", label), **settings) for name, one in expansions(label, uses)]


def regularizer_entries(
    section: Mapping[str, Parameters | None], tasks: tuple[TaskEntry, ...]
) -> tuple[RegularizerEntry, ...]:
    """Return the entries of the section `regularizers`; the section must be free of mistakes.

    Args:
        section: label -> keys and values of the file.
        tasks: the tasks, with grids expanded. A label in `per_task` that names a grid applies to each of its tasks.
    """
    return tuple(entry for label, given in section.items() for entry in _regularizers(label, given or {}, tasks))


def _regularizers(label: str, given: Parameters, tasks: tuple[TaskEntry, ...]) -> list[RegularizerEntry]:
    uses = gridded_uses(label, given, RegularizerShape.model_fields)
    per_task, others = _spread(given, tasks), tuple(given.get("compare_to") or ())
    return [
        RegularizerEntry(name, tuple(one), per_task, ("regularizers", label), optimizer.parameters, others)
        for name, (*one, optimizer) in expansions(label, uses)
    ]


def _spread(given: Parameters, tasks: tuple[TaskEntry, ...]) -> dict[str, Parameters]:
    use, written = given.get("use"), given.get("per_task") or {}
    only = use[0] if isinstance(use, list) and len(use) == 1 else None
    spread: dict[str, Parameters] = {}
    for task in tasks:
        extra = written.get(task.label, written.get(task.path[1])) or {}
        if extra:
            spread[task.label] = (extra.get(only) or {}) | _optimizer_of(extra) if only else extra
    return spread


def _optimizer_of(extra: Parameters) -> dict[str, Any]:
    return {OPTIMIZER: extra[OPTIMIZER]} if OPTIMIZER in extra else {}


def metric_entries(section: Mapping[str, Parameters | None]) -> tuple[MetricEntry, ...]:
    """Return the entries of the section `metrics`; the section must be free of mistakes."""
    return tuple(_metric(label, given or {}) for label, given in section.items())


def _metric(label: str, given: Parameters) -> MetricEntry:
    use = plugin_uses(label, given, MetricShape.model_fields)[0]
    return MetricEntry(label, use, given.get("every"), ("metrics", label), given.get("weights") == "raw")
