"""A heat map of every speed-up of a suite, with geometric means over tasks. Only significant ones are coloured."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from grokbench.judging.aggregate import Aggregate
from grokbench.judging.evidence import Evidence
from grokbench.judging.row import Row
from grokbench.judging.row_comparison import RowComparison
from grokbench.report.charts.axes import log_ticks
from grokbench.report.charts.labels import CUT, cut
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.style import text_width
from grokbench.text.lists import listed
from grokbench.text.numbers import BOUND_SIGN, interval, ratio

__all__ = ["entries", "heat", "shade", "speedup_entry", "strongest", "summary"]

Entry = dict[str, Any]

MEAN = "all tasks"  # label of the column of means
ROW = 2.4  # height of a row, in text sizes
LEAST = 2.0  # least factor at the ends of the colour scale; otherwise the ends are the strongest effect that is shown
SLOWER, NEITHER, FASTER = "#d98d3a", "#e8e8e8", "#4a8fd6"  # distinguishable with any kind of colour vision
PLAIN, EDGE = "#ffffff", "#d0d0d0"  # of a box that is not significant
MOST_TICKS = 7  # on the colour scale


def summary(sheet: Sheet) -> dict[str, Any] | None:
    """Plot a table of tasks and methods, coloured by speed-up; None if nothing was compared.

    The last entry of a method is the geometric mean over those tasks on which its speed-up is an estimate.
    """
    found = list(entries(sheet.evidence))
    if all(entry["speedup"] is None for entry in found):
        return None
    shape = _shape(sheet, found)
    base = alt.Chart(sheet.data(found)).encode(**shape.axes, tooltip=["method:N", "task:N", "text:N", "said:N"])
    box = base.mark_rect(stroke="white", strokeWidth=1, opacity=1).encode(color=heat(sheet, found))
    text = base.mark_text(fill="#111111", angle=shape.angle).encode(text="text:N")
    plain = base.transform_filter("!datum.coloured").mark_rect(color=PLAIN, stroke=EDGE, strokeWidth=0.5, opacity=1)
    layers = [box, plain, text]
    said = _description(found)
    if sheet.crowded:  # all methods are in the table, whichever are in colour elsewhere
        return sheet.plot([], layers, description=said, height=shape.height)
    return sheet.plot(layers, description=said, height=shape.height)


def strongest(entries: Sequence[Entry]) -> float:
    """Return the factor at the ends of the colour scale: the strongest of the speed-ups and slow-downs."""
    known = [entry["speedup"] for entry in entries if entry["speedup"]]
    return max([LEAST, *known, *(1 / value for value in known)])


def heat(sheet: Sheet, entries: Sequence[Entry]) -> alt.Color:
    """Return the colour scale for speed-ups, with its legend.

    Args:
        sheet: the sheet, with the size of its text.
        entries: all boxes that are drawn.
    """
    end = strongest(entries)
    scale = alt.Scale(type="log", domain=[1 / end, 1, end], range=[SLOWER, NEITHER, FASTER], clamp=True)
    ticks = log_ticks((1 / end, end), MOST_TICKS)
    legend = alt.Legend(
        title="speed-up",
        orient="bottom",
        values=ticks,
        labelExpr="format(datum.value, '~g') + 'x'",
        gradientThickness=8,
    )
    return alt.Color("speedup:Q", scale=scale, legend=legend)


def shade(speedup: float, end: float) -> str:
    """Return the colour of a speed-up on the same scale.

    Args:
        speedup: the speed-up, positive.
        end: the factor at the ends of the scale, see `strongest`.
    """
    share = min(1.0, abs(math.log(speedup)) / math.log(end))
    ends = (NEITHER, FASTER if speedup > 1 else SLOWER)
    parts = [[int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in ends]
    mixed = [round(low + share * (high - low)) for low, high in zip(*parts, strict=True)]
    return f"#{''.join(f'{part:02x}' for part in mixed)}"


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


def entries(evidence: Evidence) -> Iterator[Entry]:
    """Yield the data of each box: `method`, `task` and what `speedup_entry` returns."""
    means = {each.regularizer: each for each in evidence.leaderboard.aggregate}
    several = any(each.speedup is not None for each in means.values())
    for method in _methods(evidence):
        for task in evidence.tasks:
            yield {"method": method, "task": task, **speedup_entry(evidence, _row(evidence, task, method))}
        if several:
            yield {"method": method, "task": MEAN, **_mean(means.get(method))}


def _mean(found: Aggregate | None) -> Entry:
    """Return the data of the box of a mean; a dagger marks a mean that leaves tasks out.

    It is coloured if its interval excludes 1, or if there are too few seeds for an interval.
    """
    if found is None or found.speedup is None:
        return {"speedup": None, "coloured": False, "text": "–", "said": "fewer than two estimates: no mean"}
    left_out = f"; left out: {listed(found.left_out)}" if found.left_out else ""
    said = f"geometric mean {interval(found.speedup, found.low, found.high)} over {len(found.tasks)} tasks{left_out}"
    text = _text(found.speedup, "") + ("†" if found.left_out else "")
    excludes = found.low is None or found.high is None or not found.low <= 1 <= found.high
    return {"speedup": found.speedup, "coloured": excludes, "text": text, "said": said}


def speedup_entry(evidence: Evidence, row: Row | RowComparison | None) -> Entry:
    """Return the data of a box: `speedup`, `coloured` (whether it is significant), `text` and `said`.

    Args:
        evidence: the evidence, with the suite's statistics.
        row: the row, for its speed-up over the baseline, or a comparison with another row; None if the suite does not
            plan this cell.
    """
    if row is None or row.shown is None:
        said = "; ".join(row.sentences) if row else "not planned"
        return {"speedup": None, "coloured": False, "text": _without(row), "said": said}
    significant = row.significant(evidence.manifest.statistics)
    text = _text(row.shown, BOUND_SIGN[row.shown_bound]) + (" *" if significant else "")
    return {"speedup": row.shown, "coloured": significant, "text": text, "said": "; ".join(row.sentences)}


def _without(row: Row | RowComparison | None) -> str:
    """Return the text of a box without a speed-up: why there is none."""
    if not isinstance(row, Row):
        return "–"
    if not row.seeds:
        return "skipped"
    done = row.censored + row.diverged == row.seeds
    return f"0/{row.seeds}" if done else "–" if row.grokked == row.seeds else "incomplete"


def _text(value: float | None, sign: str) -> str:
    return "–" if value is None else f"{sign.replace('<= ', '≤').replace('>= ', '≥')}{ratio(value)}x"


def _methods(evidence: Evidence) -> list[str]:
    return [method for method in evidence.methods if method != evidence.manifest.baseline]


def _row(evidence: Evidence, task: str, method: str) -> Row | None:
    return next((row for row in evidence.rows(task) if row.regularizer == method), None)


def _description(entries: Sequence[Entry]) -> str:
    said = "; ".join(f"{entry['method']} on {entry['task']} {entry['text']}" for entry in entries)
    return f"Speed-up over the baseline by method and task; * is significant, after correction if there is one. {said}."
