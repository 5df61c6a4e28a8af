"""The metrics that a task records under a suite: loss and accuracy on every split, and what the suite adds."""

from collections.abc import Iterator, Mapping
from typing import Any

from grokbench.cadence import Every
from grokbench.metric import Metric
from grokbench.plugins import Registry
from grokbench.suite import Suite
from grokbench.task import Task

__all__ = ["can_record", "recorded", "standard_labels"]

STANDARD = ("loss", "accuracy")  # of every split


def recorded(suite: Suite, task: Task, registry: Registry) -> Iterator[tuple[str, tuple[Metric, dict[str, Any]]]]:
    """Loss and accuracy on every split of a task, then what the suite asks for and the task can give."""
    for split in task.split_names:
        for name in STANDARD:
            yield f"{split}_{name}", _metric(registry, name, {"split": split}, None)
    for entry in suite.metrics:
        metric, use = _metric(registry, entry.use.name, entry.use.parameters, entry.every)
        if can_record(task, metric):
            yield entry.label, (metric, use)


def _metric(
    registry: Registry, name: str, parameters: Mapping[str, Any], every: Every | None
) -> tuple[Metric, dict[str, Any]]:
    plugin = registry.get("metrics", name)
    return plugin.make(parameters), {"use": name, "parameters": plugin.resolve(parameters), "every": every}


def can_record(task: Task, metric: Metric) -> bool:
    """Whether a task has the splits and the facts that a metric asks for."""
    return set(metric.splits) <= set(task.split_names) and set(metric.facts) <= set(task.facts)


def standard_labels(task: Task) -> list[str]:
    """Labels that are recorded whatever the suite says."""
    return [f"{split}_{name}" for split in task.split_names for name in STANDARD]
