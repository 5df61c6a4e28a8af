"""The figures `slices` and `other_slices` of `grokbench plot`. Unlike other figures, they need torch and the data."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grokbench.report.charts import Drawing, Sheet

__all__ = ["sliced"]

OTHERS = (1, 2, 3)  # the triples of `other_slices`


def sliced(
    sheet: "Sheet", figure: str, tasks: Sequence[str], regularizers: Sequence[str], plugins: Sequence[str]
) -> list["Drawing"]:
    """Draw the slices of each task.

    Args:
        sheet: evidence and style.
        figure: "slices" for all kept weights on the first plane, "other_slices" for the last ones on other planes.
        tasks: labels of tasks; empty for all.
        regularizers: labels of methods; empty for all.
        plugins: paths of plugin files.
    """
    from grokbench.plugins import load_registry
    from grokbench.report.charts import Drawing
    from grokbench.report.charts.slices import slices
    from grokbench.runner.slicing import Selection, snapshots
    from grokbench.store import Store

    other = figure == "other_slices"
    selection = Selection(tasks, regularizers, OTHERS if other else (0,), last=other)
    found = snapshots(Store.load(sheet.evidence.folder), selection, load_registry(plugins))
    by_task = groupby(found, lambda each: each.task)
    return [Drawing(figure, task, slices(sheet, list(each))) for task, each in by_task]
