"""The metrics that a task records in a suite: loss and accuracy on every split, and those that the suite adds."""

from collections.abc import Iterator, Mapping
from typing import Any

from grokbench.cadence import Every
from grokbench.metric import Metric
from grokbench.plugins import Registry
from grokbench.suite import Suite
from grokbench.task import Task

__all__ = ["can_record", "recorded", "standard_labels"]

STANDARD = ("loss", "accuracy")  # recorded on every split


def recorded(suite: Suite, task: Task, registry: Registry) -> Iterator[tuple[str, tuple[Metric, dict[str, Any]]]]:
    """Yield the metrics of a task: loss and accuracy on every split, then the suite's metrics that it can record.

    Args:
        suite: the suite, which may add metrics.
        task: one of the suite's tasks, made with its parameters.
        registry: the registry, with the suite's own plugins.

    Yields:
        The label, and a pair: the metric, and its `use` (the plugin's name), `parameters`, `every`, and, for a metric
        of the raw weights, `weights`.

    Raises:
        PluginError: a metric of the suite is unknown or refuses its parameters.
    """
    for split in task.split_names:
        for name in STANDARD:
            yield f"{split}_{name}", _metric(registry, name, {"split": split}, None)
    for entry in suite.metrics:
        metric, use = _metric(registry, entry.use.name, entry.use.parameters, entry.every)
        if can_record(task, metric):
            yield entry.label, (metric, {**use, **({"weights": "raw"} if entry.raw else {})})


def _metric(
    registry: Registry, name: str, parameters: Mapping[str, Any], every: Every | None
) -> tuple[Metric, dict[str, Any]]:
    plugin = registry.get("metrics", name)
    return plugin.make(parameters), {"use": name, "parameters": plugin.recorded(parameters), "every": every}


def can_record(task: Task, metric: Metric) -> bool:
    """Return whether a task has the splits and the facts that a metric needs.

    Args:
        task: the task, made with its parameters, since these may decide its splits and facts.
        metric: the metric, made with its parameters, since these may decide its needs.
    """
    return set(metric.splits) <= set(task.split_names) and set(metric.facts) <= set(task.facts)


def standard_labels(task: Task) -> list[str]:
    """List the labels of the metrics that every suite records."""
    return [f"{split}_{name}" for split in task.split_names for name in STANDARD]
