"""The drawing of figures of several panels, which `panel` describes: means over seeds, spreads, and vertical marks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from grokbench.criterion import parse_condition
from grokbench.judging.bands import Band
from grokbench.report.charts.axes import Span, around, axis, epochs, scale
from grokbench.report.charts.panel import Mark, Panel, PanelFigure
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.style import text_width
from grokbench.text.lists import listed, plural

__all__ = ["panel_figure"]

DASHES = ([1, 0], [5, 2], [1.5, 1.5], [6, 1.5, 1.5, 1.5])  # of the metrics of a panel
NARROWEST = 110  # points of a panel with its axis
EXTENT = 24  # of a vertical axis with its labels, in points
OFFSET = 2  # of this axis from its plot
GAP = 10  # between panels
PADDING = 4
TICKS = 4  # most ticks on a horizontal axis


@dataclass(frozen=True)
class Drawn:
    """A panel with curves to draw.

    Attributes:
        panel: its description.
        task: the label of its task.
        curves: metric -> method -> band; every band has a finite mean.
    """

    panel: Panel
    task: str
    curves: Mapping[str, Mapping[str, Band]]

    def bands(self) -> Iterator[tuple[str, str, Band]]:
        """Yield metric, method and band."""
        for metric, by_method in self.curves.items():
            yield from ((metric, method, band) for method, band in by_method.items())


def panel_figure(sheet: Sheet, figure: PanelFigure, task: str = "") -> dict[str, Any] | None:
    """Draw a figure of several panels; None if no panel has curves.

    Args:
        sheet: the sheet to draw on; it receives the rows of the figure in its `datasets`.
        figure: the description of the figure.
        task: the label of the task of panels that name none.
    """
    found = [_curves(sheet, panel, panel.task or task) for panel in figure.panels]
    drawn = [each for each in found if each.curves]
    if not drawn:
        return None
    columns = max(1, min(figure.columns, len(drawn), int(sheet.style.width) // NARROWEST))
    side = (int(sheet.style.width) - 2 * PADDING - GAP * (columns - 1)) / columns - EXTENT - OFFSET
    look = _Look(sheet, drawn)
    views = [_view(sheet, each, figure.marks, look, side) for each in drawn]
    rows = [views[i : i + columns] for i in range(0, len(views), columns)]
    return sheet.grid(rows, note=_note(sheet, drawn, figure.marks), description=_description(figure, drawn), gap=GAP)


def _curves(sheet: Sheet, panel: Panel, task: str) -> Drawn:
    """Select the curves of a panel that have a finite mean at some epoch."""
    bands = {each.measured.cell.regularizer: sheet.evidence.curves(task, each) for each in sheet.evidence.of(task)}
    chosen = {method: each for method, each in bands.items() if not panel.methods or method in panel.methods}
    curves = {
        label: {method: each[label] for method, each in chosen.items() if label in each and _known(each[label])}
        for label in panel.metrics
    }
    return Drawn(panel, task, {label: by_method for label, by_method in curves.items() if by_method})


def _known(band: Band) -> bool:
    return bool(np.isfinite(band.mean).any())


class _Look:
    """The encodings that all panels share, and with them one legend."""

    def __init__(self, sheet: Sheet, drawn: Sequence[Drawn]) -> None:
        self.methods = dict.fromkeys(method for each in drawn for _, method, _ in each.bands())
        self.colour = sheet.colour(self.methods)
        several = [each for each in drawn if len(each.curves) > 1]
        names = list(dict.fromkeys(each.panel.metrics[label] for each in several for label in each.curves))
        domain = alt.Scale(domain=names, range=[list(DASHES[i % len(DASHES)]) for i in range(len(names))])
        legend = alt.Legend(orient="bottom", symbolStrokeColor="#555555", **sheet.style.columns(names))
        self.dash = alt.StrokeDash("line:N", scale=domain, legend=legend)

    def of(self, drawn: Drawn) -> dict[str, Any]:
        """Return the encodings of the lines of a panel; those of a single metric are solid."""
        dashed = {"strokeDash": self.dash} if len(drawn.curves) > 1 else {}
        return {"color": self.colour, **dashed}


def _view(sheet: Sheet, drawn: Drawn, marks: Sequence[Mark], look: _Look, side: float) -> dict[str, Any]:
    """Draw one panel."""
    span, log = _span(drawn)
    cells = [each.measured.cell for each in sheet.evidence.of(drawn.task)]
    interval = min(cell.evaluate_every for cell in cells)
    last = max(int(band.epochs[-1]) for _, _, band in drawn.bands())
    x = epochs(max(last, interval), interval, sheet.log, TICKS)
    sides: dict[str, Any] = {"minExtent": EXTENT, "maxExtent": EXTENT}
    y: dict[str, Any] = {"scale": _clamped(span, log), "axis": axis(None, span, log, **sides)}
    base = alt.Chart(sheet.data(_rows(drawn, span))).encode(x=x, color=look.colour, detail="line:N")
    area = base.mark_area(opacity=1, fillOpacity=0.15).encode(y=alt.Y("low:Q", **y), y2="high:Q")
    line = base.mark_line(strokeWidth=sheet.style.line).encode(y=alt.Y("mean:Q", **y), **look.of(drawn))
    layers = [*_marks(sheet, drawn, marks, look, x), area, line, _title(sheet, drawn.panel.title, side)]
    return sheet.view(layers, width=side, height=max(round(0.75 * side), 70))


def _title(sheet: Sheet, title: str, side: float) -> alt.Chart:
    """Draw a title at a fixed height, because Vega's own titles move with the labels of the axis."""
    text = alt.Chart(sheet.data([{"title": title}])).mark_text(baseline="bottom")
    return text.encode(x=alt.value(side / 2), y=alt.value(-5), text="title:N")


def _clamped(span: Span, log: bool) -> alt.Scale:
    found = scale(span, log)
    found["clamp"] = True  # a mean less a standard deviation may leave the axis
    return found


def _span(drawn: Drawn) -> tuple[Span, bool]:
    """Return the ends of the vertical axis, and whether it is logarithmic."""
    means = [float(v) for _, _, band in drawn.bands() for v in band.mean if np.isfinite(v)]
    log = drawn.panel.log and min(means) > 0
    if drawn.panel.span is not None:
        return drawn.panel.span, log
    ends = [
        float(v)
        for _, _, band in drawn.bands()
        for v in (*(band.mean - band.sd), *(band.mean + band.sd))
        if np.isfinite(v) and (v > 0 or not log)
    ]
    low = 0.5 * min(means) if log else min(ends)  # a spread as large as the mean would stretch the axis to 0
    return around([value for value in ends if value >= low], log), log


def _rows(drawn: Drawn, span: Span) -> Iterator[dict[str, Any]]:
    for metric, method, band in drawn.bands():
        name = drawn.panel.metrics[metric]
        for epoch, mean, sd in zip(band.epochs, band.mean, band.sd, strict=True):
            ends = {"low": max(float(mean - sd), span[0]), "high": min(float(mean + sd), span[1])}
            yield {"method": method, "line": name, "epoch": int(epoch), "mean": float(mean), **ends}


def _marks(sheet: Sheet, drawn: Drawn, marks: Sequence[Mark], look: _Look, x: alt.X) -> Iterator[alt.Chart]:
    """Draw the vertical lines of the methods in a panel."""
    methods = {method for _, method, _ in drawn.bands()}
    rows = [
        {"method": method, "epoch": epoch}
        for mark in marks
        for method, epoch in _met(sheet, drawn.task, mark).items()
        if method in methods
    ]
    if rows:
        rule = alt.Chart(sheet.data(rows)).mark_rule(strokeDash=[3, 2], strokeWidth=0.8)
        yield rule.encode(x=x, color=look.colour)


def _met(sheet: Sheet, task: str, mark: Mark) -> dict[str, int]:
    """Map each method whose mean meets the condition to the first epoch at which it does."""
    holds = parse_condition(mark.condition).holds
    found: dict[str, int] = {}
    for each in sheet.evidence.of(task):
        band = sheet.evidence.curves(task, each).get(mark.metric)
        met = [i for i, mean in enumerate(band.mean) if holds(float(mean))] if band is not None else []
        if band is not None and met:
            found[each.measured.cell.regularizer] = int(band.epochs[met[0]])
    return found


def _note(sheet: Sheet, drawn: Sequence[Drawn], marks: Sequence[Mark]) -> list[str]:
    """Explain lines, shades and marks in as few lines below the figure as fit its width."""
    counts = sorted({len(band.seeds) for each in drawn for _, _, band in each.bands()})
    seeds = plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    parts = [f"lines: mean of {seeds}", *(["shaded: a standard deviation"] if counts != [1] else [])]
    parts += [f"vertical: {listed([f'{mark.name} {mark.condition}' for mark in marks])}"] if marks else []
    lines = [parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]}; {part}"
        fits = text_width(longer, sheet.style.text) <= int(sheet.style.width) - 2 * PADDING
        lines = [*lines[:-1], longer] if fits else [*lines, part]
    return lines


def _description(figure: PanelFigure, drawn: Sequence[Drawn]) -> str:
    said = "; ".join(
        f"{each.panel.title}: "
        + ", ".join(f"{method} {each.panel.metrics[metric]} {_last(band):.3g}" for metric, method, band in each.bands())
        for each in drawn
    )
    return f"{figure.shows}. Means of the seeds at the end: {said}."


def _last(band: Band) -> float:
    return float(band.mean[np.flatnonzero(np.isfinite(band.mean))[-1]])
