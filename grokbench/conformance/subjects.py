"""A plugin under examination, and what it is tried on."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokbench.conformance.small_plugins import GROUNDS, METHODS, TASKS
from grokbench.metric import Metric
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin
from grokbench.regularizer import Regularizer
from grokbench.task import Task

__all__ = ["NoGround", "Subject"]


class NoGround(Exception):
    """No task that a method or a metric could be tried on."""


@dataclass(frozen=True)
class Subject:
    """A plugin under examination."""

    plugin: Plugin
    registry: Registry
    grounds: tuple[str, ...] = GROUNDS  # labels of the small tasks that a method or a metric is tried on
    tried: list[str] = field(default_factory=list, compare=False)  # labels so far, to name where a question broke off

    @property
    def file(self) -> Path:
        """Where its source is."""
        return Path(inspect.getfile(inspect.unwrap(self.plugin.factory)))

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters a method is tried at: those whose effect shows, where they are known."""
        shipped = self.plugin.builtin and self.plugin.name in METHODS
        return dict(METHODS[self.plugin.name].parameters) if shipped else {}

    def regularizer(self, given: Mapping[str, Any] | None = None) -> Regularizer:
        """The method, at the settings it is tried at unless others are given."""
        made: Regularizer = self.plugin.make(self.settings if given is None else given)
        return made

    def metric(self) -> Metric:
        """The metric, of the training set where it can be asked about any split."""
        made: Metric = self.plugin.make({"split": "train"} if "split" in self.plugin.parameters else {})
        if made.fetch:
            made.fetch()  # DataError says which files to put where: no fault of the plugin
        return made

    def _fitting(self) -> Iterator[tuple[str, Task]]:
        """The grounds that have what a method or a metric asks for."""
        made = self.regularizer() if self.plugin.kind == "regularizers" else self.metric()
        splits = made.splits if isinstance(made, Metric) else ()
        for label in self.grounds:
            task: Task = self.registry.get("tasks", TASKS[label].use).make(TASKS[label].parameters)
            if set(made.facts) <= set(task.facts) and set(splits) <= set(task.split_names):
                self.tried.append(label)
                yield label, task
        if not self.tried:
            asked = {"splits": splits, "facts": made.facts}
            wanted = [f"the {what} {', '.join(names)}" for what, names in asked.items() if names]
            raise NoGround(f"no small task has {' and '.join(wanted)}, which it asks for")

    def tasks(self) -> Iterator[tuple[str, Task]]:
        """The tasks it is tried on, by label: its own forms if it is a task, else the grounds."""
        if self.plugin.kind != "tasks":
            yield from self._fitting()
            return
        forms = {label: form.parameters for label, form in TASKS.items() if form.use == self.plugin.name}
        own = forms if self.plugin.builtin and forms else {self.plugin.name: {}}
        for label, parameters in own.items():
            task: Task = self.plugin.make(parameters)
            if task.fetch:
                task.fetch()  # DataError says which files to put where: no fault of the plugin
            self.tried.append(label)
            yield label, task
