"""Kaplan-Meier curves of the time to grok: the share of seeds that have not grokked yet, with the numbers at risk."""

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from grokbench.judging.outcomes import Measured
from grokbench.report.charts.axes import EPOCHS, Span, axis, linear_ticks, log_ticks, past, scale
from grokbench.report.charts.labels import pixels
from grokbench.report.charts.sheet import Sheet
from grokbench.stats.survival import kaplan_meier
from grokbench.text.numbers import number

__all__ = ["survival"]

BELOW = 5.0  # distance from the plot to the first numbers at risk, in lines of text


def survival(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Plot the Kaplan-Meier curve of each method of a task, and the numbers at risk; None if no replica finished.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
        task: the label of the task.
    """
    measured = [each.measured for each in sheet.evidence.of(task)]
    # Among replicas that were trained to a smaller budget, only those that grokked early have a known time.
    cells = [each for each in measured if each.finished and not each.short]
    if not cells:
        return None
    span = _span(sheet, cells)
    ticks = axis("epochs", span, sheet.log, form=EPOCHS, grid=False)
    x = alt.X("epoch:Q", scale=scale(span, sheet.log), axis=ticks)
    lines, grey = _lines(sheet, cells, x, span[0])
    layers = [*lines, _at_risk(sheet, cells, x, span)]
    return sheet.plot(layers, [_heading(sheet)], grey=grey, description=_description(task, cells))


def _span(sheet: Sheet, cells: Sequence[Measured]) -> Span:
    """Return the epochs to show; a logarithmic axis begins shortly before the first seed groks."""
    interval = min(cell.cell.evaluate_every for cell in cells)
    last = max(interval, *(max(cell.times) for cell in cells))
    earliest = min(min(cell.times) for cell in cells)
    return (max(0.5 * interval, 0.7 * min(earliest, last)) if sheet.log else 0.0), float(last)


def _lines(sheet: Sheet, cells: Sequence[Measured], x: alt.X, first: float) -> tuple[list[alt.Chart], list[alt.Chart]]:
    """Draw the step functions, each with a mark at its end if some seeds did not grok.

    Returns:
        the layers of the methods in colour, and those of the others.
    """
    y = alt.Y("share:Q", scale=scale((0.0, 1.0), False), axis=alt.Axis(title="share not yet grokked", tickCount=5))
    base = alt.Chart(sheet.data(step for cell in cells for step in _steps(cell, first))).encode(x=x, y=y)
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("epoch:Q", title="epochs"), alt.Tooltip("share:Q", format=".2f")]
    line = base.mark_line(interpolate="step-after", strokeWidth=sheet.style.line)
    spots = sheet.spots(base, tooltip)
    left = base.transform_filter("datum.censored").mark_point(shape="cross", filled=True, size=45, opacity=1)
    methods = _methods(cells)
    colour = sheet.colour(methods)
    lines = [line.encode(color=colour, strokeDash=sheet.dash(methods)), left.encode(color=colour)]
    if sheet.crowded and sheet.style.hovered:
        middle = base.transform_filter("datum.middle").mark_point(filled=True, size=40, opacity=1)
        lines.append(middle.encode(color=colour, shape=sheet.marker(methods)))
    return [*lines, *spots], [sheet.grey(line), *spots]


def _steps(cell: Measured, first: float) -> list[dict[str, Any]]:
    """Return the points of a cell's step function, from 1 at the `first` epoch shown to its last observed time."""
    at, share = kaplan_meier(cell.times, cell.grokked)
    left = float(share[-1]) if len(share) else 1.0
    bends = [(first, 1.0, False), *((float(t), float(s), False) for t, s in zip(at, share, strict=True))]
    bends.append((max(cell.times), left, left > 0))
    middle = next((i for i, (_, share, _) in enumerate(bends) if share <= 0.5), None)
    return [
        {
            "method": cell.cell.regularizer,
            "epoch": max(epoch, first),
            "share": share,
            "censored": censored,
            "middle": i == middle,
        }
        for i, (epoch, share, censored) in enumerate(bends)
    ]


def _at_risk(sheet: Sheet, cells: Sequence[Measured], x: alt.X, span: Span) -> alt.Chart:
    """Draw the numbers at risk below each tick: each method's seeds that are neither grokked nor censored by then.

    The lines are counted after methods that are not shown were filtered out.
    """
    at = log_ticks(span) if sheet.log else linear_ticks(span)
    rows = (
        {"method": method, "order": i, "epoch": tick, "left": sum(time >= tick for time in cell.times)}
        for i, (method, cell) in enumerate(zip(_methods(cells), cells, strict=True))
        for tick in at
    )
    place = f"height + ({BELOW} + datum.rank - 1) * {sheet.line_height:g}"
    ranked = alt.Chart(sheet.data(rows)).transform_window(rank="dense_rank()", sort=[alt.SortField("order")])
    text = ranked.transform_calculate(line=place).mark_text()
    return text.encode(x=x, y=pixels("line"), text="left:Q", color=sheet.colour(_methods(cells)))


def _heading(sheet: Sheet) -> alt.Chart:
    """Draw the heading of the numbers at risk."""
    text = alt.Chart(sheet.data([{"text": "seeds that have not grokked:"}])).mark_text(align="left")
    return text.encode(text="text:N", x=alt.value(0), y=past("height", (BELOW - 1.1) * sheet.line_height))


def _methods(cells: Iterable[Measured]) -> list[str]:
    return [cell.cell.regularizer for cell in cells]


def _description(task: str, cells: Sequence[Measured]) -> str:
    said = "; ".join(
        f"{cell.cell.regularizer}: {sum(cell.grokked)} of {len(cell.times)} seeds grokked"
        + ("" if (middle := cell.median()) is None else f", median {number(middle)} epochs")
        for cell in cells
    )
    return f"Share of seeds that had not grokked {task} over epochs (Kaplan-Meier). {said}."
