"""A plugin to check, and the tasks that it is checked on."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokbench.conformance.small_plugins import METHODS, TASKS, TRIAL_TASKS
from grokbench.metric import Metric
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin
from grokbench.regularizer import Regularizer
from grokbench.task import Task

__all__ = ["NoTrialTask", "Subject"]


class NoTrialTask(Exception):
    """No trial task has what a method or a metric needs."""


@dataclass(frozen=True)
class Subject:
    """A plugin to check.

    Attributes:
        plugin: the plugin.
        registry: the registry that holds the trial tasks.
        trial_tasks: labels in `small_plugins.TASKS` of the tasks that a method or a metric is checked on.
        tried: labels of the tasks used so far. If a check raises an exception, the last label is named.
    """

    plugin: Plugin
    registry: Registry
    trial_tasks: tuple[str, ...] = TRIAL_TASKS
    tried: list[str] = field(default_factory=list, compare=False)

    @property
    def file(self) -> Path:
        """The file that defines the plugin's factory."""
        return Path(inspect.getfile(inspect.unwrap(self.plugin.factory)))

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters that a method is checked with: small settings for a shipped method, otherwise the defaults."""
        shipped = self.plugin.builtin and self.plugin.name in METHODS
        return dict(METHODS[self.plugin.name].parameters) if shipped else {}

    def regularizer(self, given: Mapping[str, Any] | None = None) -> Regularizer:
        """Make the method with the given parameters, by default `settings`."""
        made: Regularizer = self.plugin.make(self.settings if given is None else given)
        return made

    def metric(self) -> Metric:
        """Make the metric, for the training set if it has a parameter `split`.

        Raises:
            DataError: the metric's data files are missing.
        """
        made: Metric = self.plugin.make({"split": "train"} if "split" in self.plugin.parameters else {})
        if made.fetch:
            made.fetch()
        return made

    def _fitting(self) -> Iterator[tuple[str, Task]]:
        """Yield the trial tasks that have the facts and splits that a method or a metric needs."""
        made = self.regularizer() if self.plugin.kind == "regularizers" else self.metric()
        splits = made.splits if isinstance(made, Metric) else ()
        for label in self.trial_tasks:
            task: Task = self.registry.get("tasks", TASKS[label].use).make(TASKS[label].parameters)
            if set(made.facts) <= set(task.facts) and set(splits) <= set(task.split_names) and _takes(task, made):
                self.tried.append(label)
                yield label, task
        if not self.tried:
            needs = {"splits": splits, "facts": made.facts}
            listed = [f"the {what} {', '.join(names)}" for what, names in needs.items() if names]
            listed = listed or ["the hidden sites or the network"]
            raise NoTrialTask(f"no small task has {' and '.join(listed)}, which it needs")

    def tasks(self) -> Iterator[tuple[str, Task]]:
        """Yield the labels and tasks to check with.

        A task is checked in each of its settings. A method or a metric is checked on the trial tasks that suit it.

        Raises:
            DataError: the data files of the task are missing.
        """
        if self.plugin.kind != "tasks":
            yield from self._fitting()
            return
        small = {label: each.parameters for label, each in TASKS.items() if each.use == self.plugin.name}
        settings = small if self.plugin.builtin and small else {self.plugin.name: {}}
        for label, parameters in settings.items():
            task: Task = self.plugin.make(parameters)
            if task.fetch:
                task.fetch()
            self.tried.append(label)
            yield label, task


def _takes(task: Task, made: Regularizer | Metric) -> bool:
    """Return whether a method does not refuse a task, and the task has the hidden sites that the method acts on."""
    if not isinstance(made, Regularizer):
        return True
    if made.refuses and made.refuses(task):
        return False
    return task.has_sites or not (made.hidden or made.hidden_always)
