"""A heat map of every speed-up of a suite, with geometric means over tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from grokbench.judging.aggregate import Aggregate
from grokbench.judging.evidence import Evidence
from grokbench.judging.row import Row
from grokbench.judging.row_comparison import RowComparison
from grokbench.report.charts.labels import CUT, cut
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.style import text_width
from grokbench.text.lists import listed
from grokbench.text.numbers import BOUND_SIGN, interval, ratio

__all__ = ["FASTER", "SLOWER", "heat", "speedup_entry", "summary"]

Entry = dict[str, Any]

MEAN = "all tasks"  # label of the column of means
ROW = 2.4  # height of a row, in text sizes
STRONGEST = 8.0  # factor beyond which the colour does not change
SLOWER, NEITHER, FASTER = "#d98d3a", "#e8e8e8", "#4a8fd6"  # distinguishable with any kind of colour vision


def summary(sheet: Sheet) -> dict[str, Any] | None:
    """Plot a table of tasks and methods, coloured by speed-up; None if nothing was compared.

    The last entry of a method is the geometric mean over those tasks on which its speed-up is an estimate.
    """
    entries = list(_entries(sheet.evidence))
    if all(entry["speedup"] is None for entry in entries):
        return None
    shape = _shape(sheet, entries)
    base = alt.Chart(sheet.data(entries)).encode(**shape.axes, tooltip=["method:N", "task:N", "text:N", "said:N"])
    box = base.mark_rect(stroke="white", strokeWidth=1, opacity=1).encode(color=heat())
    text = base.mark_text(fill="#111111", angle=shape.angle).encode(text="text:N")
    empty = base.transform_filter("datum.speedup === null").mark_rect(color="#f4f4f4")
    return sheet.plot([box, empty, text], description=_description(entries), height=shape.height)


def heat(strongest: float = STRONGEST, **more: Any) -> alt.Color:
    """Return the colour scale for speed-ups.

    Args:
        strongest: factor beyond which the colour does not change.
        more: further properties of the scale, such as `range`.
    """
    given: dict[str, Any] = {"range": [SLOWER, NEITHER, FASTER], **more}
    scale = alt.Scale(type="log", domain=[1 / strongest, 1, strongest], clamp=True, **given)
    return alt.Color("speedup:Q", scale=scale, legend=None)


@dataclass(frozen=True)
class Shape:
    """The layout of the table.

    Attributes:
        axes: both axes of the table, by channel.
        height: the height in pixels.
        angle: the angle of the text in its cells, in degrees.
    """

    axes: dict[str, Any]
    height: float
    angle: int


def _shape(sheet: Sheet, entries: Sequence[Entry]) -> Shape:
    """Choose the layout. If the width is small, methods or tasks (whichever are fewer) are columns of upright text."""
    labels = {name: list(dict.fromkeys(entry[name] for entry in entries)) for name in ("method", "task")}
    size, width = sheet.style.text, sheet.style.width
    text = 1.0 + max(text_width(entry["text"], size) for entry in entries)

    def lacks(across: str, down: str) -> bool:
        beside = max(text_width(cut(label), size) for label in labels[down])
        return isinstance(width, int) and (width - beside - 2 * size) / len(labels[across]) < text

    across, down = "task", "method"
    if lacks(across, down) and len(labels["method"]) < len(labels["task"]):
        across, down = down, across
    upright = lacks(across, down)
    axis: dict[str, Any] = {"title": None, "domain": False, "ticks": False, "labelExpr": CUT}
    slanted = across == "task" and not upright  # the last task's label is short; a long one would leave the picture
    top = alt.Axis(orient="top", labelAngle=-30 if slanted else -90, **axis)
    axes = {
        "x": alt.X(f"{across}:N", sort=labels[across], axis=top),
        "y": alt.Y(f"{down}:N", sort=labels[down], axis=alt.Axis(**axis)),
    }
    return Shape(axes, len(labels[down]) * max(ROW * size, 4.0 + text if upright else 0.0), 270 if upright else 0)


def _entries(evidence: Evidence) -> Iterator[Entry]:
    means = {each.regularizer: each for each in evidence.leaderboard.aggregate}
    several = any(each.speedup is not None for each in means.values())
    for method in _methods(evidence):
        for task in evidence.tasks:
            yield {"method": method, "task": task, **speedup_entry(evidence, _row(evidence, task, method))}
        if several:
            yield {"method": method, "task": MEAN, **_mean(means.get(method))}


def _mean(found: Aggregate | None) -> Entry:
    """Return the data of the box of a mean; a dagger marks a mean that leaves tasks out."""
    if found is None or found.speedup is None:
        return {"speedup": None, "text": "–", "said": "fewer than two estimates: no mean"}
    left_out = f"; left out: {listed(found.left_out)}" if found.left_out else ""
    said = f"geometric mean {interval(found.speedup, found.low, found.high)} over {len(found.tasks)} tasks{left_out}"
    text = _text(found.speedup, "") + ("†" if found.left_out else "")
    return {"speedup": found.speedup, "text": text, "said": said}


def speedup_entry(evidence: Evidence, row: Row | RowComparison | None) -> Entry:
    """Return the data of a box: `speedup`, `text` and `said`.

    Args:
        evidence: the evidence, with the suite's statistics.
        row: the row, for its speed-up over the baseline, or a comparison with another row; None if the suite does not
            plan this cell.
    """
    if row is None or row.shown is None:
        return {"speedup": None, "text": "–", "said": "; ".join(row.sentences) if row else "not planned"}
    star = " *" if row.significant(evidence.manifest.statistics) else ""
    text = _text(row.shown, BOUND_SIGN[row.shown_bound]) + star
    return {"speedup": row.shown, "text": text, "said": "; ".join(row.sentences)}


def _text(value: float | None, sign: str) -> str:
    return "–" if value is None else f"{sign.replace('<= ', '≤').replace('>= ', '≥')}{ratio(value)}x"


def _methods(evidence: Evidence) -> list[str]:
    return [method for method in evidence.methods if method != evidence.manifest.baseline]


def _row(evidence: Evidence, task: str, method: str) -> Row | None:
    return next((row for row in evidence.rows(task) if row.regularizer == method), None)


def _description(entries: Sequence[Entry]) -> str:
    said = "; ".join(f"{entry['method']} on {entry['task']} {entry['text']}" for entry in entries)
    return f"Speed-up over the baseline by method and task; * is significant, after correction if there is one. {said}."
