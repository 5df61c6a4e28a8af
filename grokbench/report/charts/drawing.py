"""The list of charts that a results folder has, and their specifications."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from grokbench.judging.evidence import Evidence
from grokbench.report.charts.curves import ACCURACIES, accuracy, metric
from grokbench.report.charts.forest import forest
from grokbench.report.charts.panels import panel_figure
from grokbench.report.charts.paper_figures import PAPER_FIGURES
from grokbench.report.charts.profile import profile
from grokbench.report.charts.published import published
from grokbench.report.charts.seconds import seconds
from grokbench.report.charts.sensitivity import sensitivity
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.summary import summary
from grokbench.report.charts.survival import survival

__all__ = ["FIGURES", "TIMED", "Drawing", "drawings", "others"]


@dataclass(frozen=True)
class Drawing:
    """A chart of a results folder.

    Attributes:
        figure: a key of FIGURES or of PAPER_FIGURES.
        task: the task's label; empty for a chart of all tasks.
        specification: the Vega-Lite specification, with its data.
        metric: the metric's label; empty unless the chart shows a single metric.
    """

    figure: str
    task: str
    specification: dict[str, Any]
    metric: str = ""

    @property
    def title(self) -> str:
        """The figure, the task and the metric, joined by commas."""
        return ", ".join(filter(None, [self.figure, self.task, self.metric]))


OF_ALL_TASKS = {"summary": summary, "profile": profile, "published": published}
PER_TASK = {
    "forest": forest,
    "survival": survival,
    "accuracy": accuracy,
    "seconds": seconds,
    "sensitivity": sensitivity,
}
FIGURES = {
    "summary": "every speed-up of every task",
    "profile": "shares of seeds on which methods are nearly the fastest",
    "published": "published ratios of mean epochs beside ours",
    "forest": "speed-up over the baseline, with intervals",
    "survival": "Kaplan-Meier curves of the time to grok",
    "accuracy": "train and test accuracy over epochs",
    "seconds": "seconds to grok against epochs",
    "sensitivity": "speed-up over learning rate and weight decay",
    "metrics": "every other recorded metric over epochs",
}
TIMED = ("survival", "accuracy", "metrics")  # figures whose axis of epochs may be logarithmic or linear


def drawings(sheet: Sheet, figure: str) -> Iterator[Drawing]:
    """Yield every chart of a figure for which the folder has data.

    Args:
        sheet: the sheet to draw on.
        figure: a key of FIGURES or of PAPER_FIGURES.
    """
    if figure in PAPER_FIGURES:
        panels = PAPER_FIGURES[figure]
        tasks = [""] if panels.names_tasks else sheet.evidence.tasks
        found = {(task, ""): panel_figure(sheet, panels, task) for task in tasks}
    elif figure in OF_ALL_TASKS:
        found = {("", ""): OF_ALL_TASKS[figure](sheet)}
    elif figure == "metrics":
        found = {(task, label): metric(sheet, task, label) for task, label in others(sheet.evidence)}
    else:
        found = {(task, ""): PER_TASK[figure](sheet, task) for task in sheet.evidence.tasks}
    for (task, label), specification in found.items():
        if specification is not None:
            yield Drawing(figure, task, specification, label)


def others(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the task and the label of each metric that no figure except `metrics` shows."""
    for task in evidence.tasks:
        yield from ((task, label) for label in evidence.metrics(task) if label not in ACCURACIES)
