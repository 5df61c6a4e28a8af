"""A forest plot: the speed-up of every method of a task over the baseline, with intervals."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from grokbench.judging.row import Row
from grokbench.report.charts.axes import around, axis, past, scale
from grokbench.report.charts.labels import CUT, cut
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.style import text_width
from grokbench.report.text.table import speedup_text
from grokbench.text.numbers import times

__all__ = ["forest"]

KINDS = {None: "estimate", "lower": "at least", "upper": "at most", "mixed": "neither bound"}
SHAPES = {"estimate": "circle", "at least": "triangle-right", "at most": "triangle-left", "neither bound": "diamond"}
ROW = 2.2  # height of a method's row, in text sizes
MOST = 5  # ticks
LEAST = 0.4  # least share of the width for the plot itself; if texts with intervals leave less, they lose the intervals
SMALLEST = 1e-6  # smallest ratio on the logarithmic axis, because an interval may reach down to 0


def forest(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Plot the speed-ups of a task, with a row for every method; None if no method has one.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
        task: the label of the task.
    """
    rows = [row for row in sheet.evidence.rows(task) if row.regularizer != sheet.evidence.manifest.baseline]
    rows = [row for row in rows if row.speedup is not None or not sheet.crowded]
    if all(row.speedup is None for row in rows):
        return None
    height = len(rows) * ROW * sheet.style.text + 8
    said = _description(sheet, task, rows)
    layers, grey = _layers(sheet, rows)
    return sheet.plot(layers, [_unity(sheet)], grey=grey, description=said, height=height)


def _layers(sheet: Sheet, rows: Sequence[Row]) -> tuple[list[alt.Chart], list[alt.Chart]]:
    """Return the layers of the methods in colour, and those of the others."""
    order = [row.regularizer for row in rows]
    colour = sheet.colour(order, legend=False)
    names = alt.Axis(title=None, ticks=False, domain=False, labelPadding=8, grid=False, labelExpr=CUT)
    y = alt.Y("method:N", sort=order, scale=alt.Scale(domain=order), axis=names)
    base = alt.Chart(sheet.data(_entries(sheet, rows))).encode(y=y)
    shape = alt.Shape("kind:N", legend=None, scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())))
    x = _x(rows)
    rule = base.mark_rule(strokeWidth=2 * sheet.style.line).encode(x=alt.X("low:Q", **x), x2="high:Q")
    point = base.mark_point(filled=True, opacity=1, size=5 * sheet.style.text).encode(x="speedup:Q", shape=shape)
    text = base.mark_text(align="left").encode(x=past("width", 8), text="shown:N")
    layers = [rule.encode(color=colour), point.encode(color=colour, tooltip=_tooltip()), text]
    return layers, [sheet.grey(rule), sheet.grey(point).encode(tooltip=_tooltip()), text]


def _unity(sheet: Sheet) -> alt.Chart:
    """Draw the line of no effect, at a ratio of 1."""
    return alt.Chart(sheet.data([{"speedup": 1}])).mark_rule(strokeDash=[2, 2], strokeOpacity=0.6).encode(x="speedup:Q")


def _x(rows: Sequence[Row]) -> dict[str, Any]:
    ends = [end for row in rows for end in (*_interval(row), row.shown) if end is not None]
    span = around([1.0, *(max(end, SMALLEST) for end in ends)], log=True)
    return {"scale": scale(span, True), "axis": axis("speed-up", span, True, MOST)}


def _entries(sheet: Sheet, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield the data of each row; if the width is small, the row's text leaves out the interval."""
    size, width = sheet.style.text, sheet.style.width
    beside = max(text_width(cut(row.regularizer), size) + text_width(speedup_text(row), size) for row in rows)
    short = isinstance(width, int) and width - beside < LEAST * width
    for row in rows:
        entry = _entry(row)
        yield entry | {"shown": times(row.shown, row.shown_bound) if short else entry["text"]}


def _interval(row: Row) -> tuple[float | None, float | None]:
    """Return both ends of the interval; (None, None) for a bound, whose mark is at the valid end."""
    return (row.speedup_low, row.speedup_high) if row.speedup_bound is None else (None, None)


def _entry(row: Row) -> dict[str, Any]:
    low, high = _interval(row)
    return {
        "method": row.regularizer,
        "speedup": row.shown,
        "low": None if low is None else max(low, SMALLEST),
        "high": high,
        "kind": KINDS[row.speedup_bound],
        "text": speedup_text(row),
        "corrected": row.p_holm,
        "grokked": f"{row.grokked} of {row.seeds}",
    }


def _tooltip() -> list[alt.Tooltip]:
    shown = {"method": "method", "text": "speed-up", "kind": "what it is", "grokked": "seeds that grokked"}
    p = alt.Tooltip("corrected:Q", title="Holm p", format=".2g")
    return [*(alt.Tooltip(f"{field}:N", title=title) for field, title in shown.items()), p]


def _description(sheet: Sheet, task: str, rows: Sequence[Row]) -> str:
    percent = f"{100 * sheet.evidence.manifest.statistics.confidence:g}%"
    said = "; ".join(f"{row.regularizer} {speedup_text(row)}" for row in rows)
    return f"Speed-up over {sheet.evidence.manifest.baseline} on {task}, with {percent} intervals: {said}."
