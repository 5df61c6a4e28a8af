"""H, the epochs over which grokking has to last: the default for `stop: hold`, and a warning if H is short.

The default is the same for every method of a task and known before training: a fifth of the baseline's median epochs to
grok on calibration seeds, and at least EVALUATIONS evaluations.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from grokbench.criterion import Stop
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin
from grokbench.records import Cell
from grokbench.suite import Suite, TaskEntry
from grokbench.task import Task

__all__ = ["DEFAULT", "EVALUATIONS", "MEDIANS", "hold_faults", "hold_of", "in_words", "short_holds", "stop_of"]

DEFAULT = "hold"  # the value of `stop` that stands for the default
SHARE = 5  # H is the baseline's median divided by this
EVALUATIONS = 100  # least number of evaluations within H, so that each of them counts at most 1%
COORDINATES = "rotate"  # the parameter of a task that changes only rounding

# Task, parameters that differ from the defaults, and the baseline's median epochs to grok on seeds below 1000, from
# `results/readings`. The medians apply to the task's own criterion only.
MEDIANS: tuple[tuple[str, Mapping[str, Any], float], ...] = (
    ("xor", {}, 160.0),
    ("sparse_parity", {}, 1728.5),
    ("sparse_parity", {"bits": 43}, 2126.0),
    ("mnist", {"loss": "cross_entropy"}, 3006.0),
    ("mnist", {"loss": "cross_entropy", "test_samples": 1024}, 3006.0),
    ("mnist", {"loss": "mse"}, 4720.0),
    ("mnist", {"loss": "mse", "test_samples": 1024}, 5560.0),
    ("modular_addition", {}, 264.0),
)


def hold_of(median: float, every: int) -> int:
    """Compute the default H, a multiple of the cadence.

    Args:
        median: the median epochs to grok of the task's default baseline.
        every: epochs between evaluations.
    """
    return max(math.ceil(median / SHARE / every), EVALUATIONS) * every


def stop_of(entry: TaskEntry, task: Task, registry: Registry) -> Stop | None:
    """Return the rule by which the replicas of a task stop; None if the rule is `hold` and no default H is known.

    Args:
        entry: the task's entry in the suite.
        task: the task, made with its parameters.
        registry: the registry, with the task's plugin.
    """
    if entry.stop != DEFAULT:
        return entry.stop or task.stop
    median = _median(entry, task, registry.get("tasks", entry.use.name))
    return None if median is None else {"hold": hold_of(median, entry.evaluate_every or task.evaluate_every)}


def _median(entry: TaskEntry, task: Task, plugin: Plugin) -> float | None:
    """Look up the median of a task with these parameters and its own criterion."""
    if not plugin.builtin or dict(entry.grokked or task.grokked) != dict(task.grokked):
        return None
    mine = _resolved(plugin, entry.use.parameters)
    return next((m for name, given, m in MEDIANS if name == plugin.name and _resolved(plugin, given) == mine), None)


def _resolved(plugin: Plugin, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plugin.resolve(given).items() if name != COORDINATES}


def hold_faults(suite: Suite, entry: TaskEntry, stop: Stop | None, every: int) -> Iterator[str]:
    """Yield the faults of a `hold`.

    Args:
        suite: the suite, which gives line and column.
        entry: the task's entry.
        stop: the result of `stop_of`.
        every: epochs between evaluations.
    """
    place = f"{suite.where((*entry.path, 'stop'))}: tasks.{entry.label}"
    if stop is None:
        yield (
            f"{place}: stop: hold, but the baseline's median epochs on {entry.use.name} are not known for these "
            f"parameters and this criterion; give stop: {{hold: H}}, where H is a fifth of that median on seeds below "
            f"1000, and at least {EVALUATIONS * every}, which are {EVALUATIONS} evaluations"
        )
    elif isinstance(stop, Mapping) and stop["hold"] % every:
        yield f"{place}: hold: {stop['hold']} epochs, expected a multiple of evaluate_every, {every}"


def short_holds(cells: Iterable[Cell]) -> Iterator[str]:
    """Yield a warning for each task with fewer than EVALUATIONS evaluations in H epochs."""
    for task, (hold, every) in {cell.task: (cell.recipe.hold, cell.evaluate_every) for cell in cells}.items():
        if hold is not None and hold < EVALUATIONS * every:
            yield (
                f"{task}: only {hold // every} evaluations decide whether grokking lasts, fewer than {EVALUATIONS}: "
                f"`hold` should be at least {EVALUATIONS * every} epochs"
            )


def in_words(plugin: Plugin) -> list[str]:
    """Describe the default H of a task, for `grokbench show`; empty if there is none."""
    known = [(given, median) for name, given, median in MEDIANS if plugin.builtin and plugin.name == name]
    if not known:
        return []
    each = [
        f"    {', '.join(f'{name}: {value}' for name, value in given.items()) or 'the defaults'}: {median:g} / {SHARE}"
        for given, median in known
    ]
    return ["", f"default epochs of `stop: hold` (at least {EVALUATIONS} evaluations), by parameters:", *each]
