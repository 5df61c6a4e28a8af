"""Figures of several panels, as data: the curves of each panel, its axis, and vertical marks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Mark", "Panel", "PanelFigure"]


@dataclass(frozen=True)
class Panel:
    """Curves over epochs that share a vertical axis.

    Attributes:
        title: the title above the panel.
        metrics: label of a metric -> its name in the legend; each metric has its own dash pattern.
        task: label of the task; empty for the task of the file, see `PanelFigure`.
        methods: labels of the methods; empty for all methods that recorded the metrics.
        span: the ends of the vertical axis; None to fit them to the curves.
        log: whether the vertical axis is logarithmic, if all values are positive.
    """

    title: str
    metrics: Mapping[str, str]
    task: str = ""
    methods: tuple[str, ...] = ()
    span: tuple[float, float] | None = None
    log: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line for each method, at the first epoch at which its mean over seeds meets a condition.

    Attributes:
        metric: label of the metric.
        condition: a condition such as "> 0.60".
        name: the metric in words, for the note below the figure.
    """

    metric: str
    condition: str
    name: str


@dataclass(frozen=True)
class PanelFigure:
    """A figure of several panels: the mean over seeds of every method, and a standard deviation to either side.

    If no panel names its task, there is a file for each task.

    Attributes:
        shows: the figure in a few words.
        panels: the panels, row by row.
        columns: most panels beside one another, in the width of a page.
        marks: vertical lines in every panel of the task that records their metric.
    """

    shows: str
    panels: tuple[Panel, ...]
    columns: int = 3
    marks: tuple[Mark, ...] = field(default=())

    @property
    def names_tasks(self) -> bool:
        """True if the panels name their tasks, so that there is one file."""
        return any(panel.task for panel in self.panels)
