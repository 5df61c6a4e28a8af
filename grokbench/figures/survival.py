"""Kaplan-Meier curves of the time to grok: the share of seeds that has not grokked, and how many are left to."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from grokbench.figures.labels import labels, room
from grokbench.figures.sheet import Sheet, epoch_axis, past
from grokbench.notes import number
from grokbench.outcomes import Measured
from grokbench.survival import kaplan_meier

__all__ = ["survival"]

PLACES = 6  # epochs at which numbers at risk are given
BELOW = 5.0  # lines of text from the plot to the first of them


def survival(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Steps of each method over epochs, and numbers at risk below; None where no replica finished."""
    cells = [each.measured for each in sheet.evidence.of(task) if each.measured.finished]
    if not cells:
        return None
    span = _span(sheet, cells)
    x, height = _epochs(sheet, span), sheet.height(len(cells))
    ends = {cell.cell.regularizer: (max(cell.times), _steps(cell, span[0])[-1]["share"]) for cell in cells}
    layers = [*_lines(sheet, cells, x, span[0]), *labels(sheet, ends, x, (0, 1), height)]
    chart = sheet.chart([*layers, *_at_risk(sheet, cells, x, span)], [_heading(sheet)], height)
    return sheet.finished(chart, _described(task, cells), room(sheet, ends))


def _span(sheet: Sheet, cells: Sequence[Measured]) -> tuple[float, float]:
    """The epochs that are shown. Nothing happens on a logarithmic axis long before the first seed groks."""
    interval = min(cell.cell.evaluate_every for cell in cells)
    last = max(interval, *(max(cell.times) for cell in cells))
    earliest = min(min(cell.times) for cell in cells)
    return (max(0.5 * interval, 0.7 * min(earliest, last)) if sheet.log else 0.0), float(last)


def _epochs(sheet: Sheet, span: tuple[float, float]) -> alt.X:
    scale = alt.Scale(type="log" if sheet.log else "linear", domain=list(span), nice=False)
    return alt.X("epoch:Q", scale=scale, axis=epoch_axis())


def _lines(sheet: Sheet, cells: Sequence[Measured], x: alt.X, first: float) -> list[alt.Chart]:
    """The steps, and a mark where seeds were left at the end that had not grokked."""
    y = alt.Y("share:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="share not yet grokked", tickCount=5))
    base = alt.Chart(sheet.data(step for cell in cells for step in _steps(cell, first))).encode(x=x, y=y)
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("epoch:Q", title="epochs"), alt.Tooltip("share:Q", format=".2f")]
    line = base.mark_line(interpolate="step-after", strokeWidth=sheet.style.line)
    spots = base.mark_point(opacity=0, size=60).encode(tooltip=tooltip)
    left = base.transform_filter("datum.censored").mark_point(shape="cross", filled=True, size=45, opacity=1)
    colour = sheet.colour()
    return [line.encode(color=colour, strokeDash=sheet.dash()), left.encode(color=colour), spots]


def _steps(cell: Measured, first: float) -> list[dict[str, Any]]:
    """Where the curve of a cell bends, from 1 at the `first` epoch shown to the end of what was seen."""
    at, share = kaplan_meier(cell.times, cell.grokked)
    left = float(share[-1]) if len(share) else 1.0
    bends = [(first, 1.0, False), *((float(t), float(s), False) for t, s in zip(at, share, strict=True))]
    bends.append((max(cell.times), left, left > 0))
    return [
        {"method": cell.cell.regularizer, "epoch": max(epoch, first), "share": share, "censored": censored}
        for epoch, share, censored in bends
    ]


def _at_risk(sheet: Sheet, cells: Sequence[Measured], x: alt.X, span: tuple[float, float]) -> Iterator[alt.Chart]:
    """Below the axis, a line of numbers for each method: its seeds that have not grokked and are still followed."""
    places, colour = _places(sheet, *span), sheet.colour()
    for i, cell in enumerate(cells):
        name = cell.cell.regularizer
        rows = [{"method": name, "epoch": at, "left": sum(t >= at for t in cell.times)} for at in places]
        text = alt.Chart(sheet.data(rows)).mark_text(baseline="middle").encode(color=colour, text="left:Q", x=x)
        yield text.encode(y=past("height", (BELOW + i) * sheet.line_height))
        if sheet.crowded:
            named = alt.Chart(sheet.data(rows[:1])).mark_text(align="left", baseline="middle").encode(color=colour)
            beside = named.encode(text="method:N", x=past("width", 12))
            yield beside.encode(y=past("height", (BELOW + i) * sheet.line_height))


def _heading(sheet: Sheet) -> alt.Chart:
    """Of the numbers below the plot."""
    text = alt.Chart(sheet.data([{"text": "seeds that have not grokked:"}])).mark_text(align="left", baseline="middle")
    return text.encode(text="text:N", x=alt.value(0), y=past("height", (BELOW - 1.1) * sheet.line_height))


def _places(sheet: Sheet, first: float, last: float) -> list[float]:
    """Epochs for the numbers at risk, evenly on the axis."""
    steps = [i / (PLACES - 1) for i in range(PLACES)]
    return [first * (last / first) ** step if sheet.log else last * step for step in steps]


def _described(task: str, cells: Sequence[Measured]) -> str:
    said = "; ".join(
        f"{cell.cell.regularizer}: {sum(cell.grokked)} of {len(cell.times)} seeds grokked"
        + ("" if (middle := cell.median()) is None else f", median {number(middle)} epochs")
        for cell in cells
    )
    return f"Share of seeds that had not grokked {task} over epochs (Kaplan-Meier). {said}."
