"""Which charts a results folder has, and how to get each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from grokbench.judging.evidence import Evidence
from grokbench.report.charts.curves import ACCURACIES, accuracy, metric
from grokbench.report.charts.forest import forest
from grokbench.report.charts.seconds import seconds
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.summary import summary
from grokbench.report.charts.survival import survival

__all__ = ["FIGURES", "TIMED", "Drawing", "drawings", "others"]


@dataclass(frozen=True)
class Drawing:
    """One chart of a folder: a figure of a task, or of all (""), or one metric of a task.

    Attributes:
        figure: of FIGURES.
        task: the task's label, "" for all of them.
        specification: Vega-Lite, with its data.
        metric: the metric's label, "" unless it shows just one.
    """

    figure: str
    task: str
    specification: dict[str, Any]
    metric: str = ""

    @property
    def title(self) -> str:
        """Which one it is, in words."""
        return ", ".join(filter(None, [self.figure, self.task, self.metric]))


PER_TASK = {"forest": forest, "survival": survival, "accuracy": accuracy, "seconds": seconds}
FIGURES = {
    "summary": "every speed-up of every task",
    "forest": "speed-up over the baseline, with intervals",
    "survival": "Kaplan-Meier curves of the time to grok",
    "accuracy": "train and test accuracy over epochs",
    "seconds": "seconds to grok against epochs",
    "metrics": "every other recorded metric over epochs",
}
TIMED = ("survival", "accuracy", "metrics")  # those whose axis of epochs may be logarithmic or linear


def drawings(sheet: Sheet, figure: str) -> Iterator[Drawing]:
    """Every chart of one of FIGURES that a folder has something for."""
    if figure == "summary":
        found = {("", ""): summary(sheet)}
    elif figure == "metrics":
        found = {(task, label): metric(sheet, task, label) for task, label in others(sheet.evidence)}
    else:
        found = {(task, ""): PER_TASK[figure](sheet, task) for task in sheet.evidence.tasks}
    for (task, label), specification in found.items():
        if specification is not None:
            yield Drawing(figure, task, specification, label)


def others(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Task and label of each metric that has no figure of its own."""
    for task in evidence.tasks:
        yield from ((task, label) for label in evidence.metrics(task) if label not in ACCURACIES)
