"""Published final values of metrics that a task does not record."""

from collections.abc import Iterator

from grokbench.errors import PluginError
from grokbench.plan.metrics import recorded
from grokbench.plugins import Registry
from grokbench.suite import Suite, TaskEntry
from grokbench.suite.problems import dotted
from grokbench.task import Task
from grokbench.text.suggest import did_you_mean

__all__ = ["published_faults"]


def published_faults(suite: Suite, registry: Registry, entry: TaskEntry, task: Task) -> Iterator[str]:
    """Yield the published metrics with values for a task that does not record them.

    Args:
        suite: the suite with the published numbers.
        registry: the registry, with the suite's own plugins.
        entry: one of the suite's tasks.
        task: the task of that entry, made with its parameters.
    """
    finals = suite.published.metrics if suite.published else {}
    given = [label for label, by_task in finals.items() if entry.label in by_task]
    try:
        known = list(dict(recorded(suite, task, registry))) if given else []
    except PluginError:
        return  # reported elsewhere
    for label in given:
        path = ("published", "metrics", label)
        if label not in known:
            place = f"{suite.where((*path, entry.path[1]))}: {dotted(path)}"
            near = did_you_mean(label, known)
            yield f"{place}: {entry.label} records no metric {label!r}, expected one of: {', '.join(known)}{near}"
