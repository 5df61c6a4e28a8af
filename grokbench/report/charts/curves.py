"""Charts of metrics over epochs: the median over seeds, the quartiles, and single seeds."""

from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt
import numpy as np

from grokbench.criterion import parse_condition
from grokbench.judging.bands import Band
from grokbench.report.charts.axes import Span, around, axis, epochs, scale
from grokbench.report.charts.labels import cut
from grokbench.report.charts.sheet import Sheet

__all__ = ["ACCURACIES", "accuracy", "metric"]

ACCURACIES = ("test_accuracy", "train_accuracy")
FAINT = "test accuracy (faint: train)"
SEEDS, FEWEST = 60, 12  # most points in the curve of a single seed, and the number to which it is always allowed
POINTS = 12_000  # points of all single seeds of a plot, beyond which their curves are thinned
WIDE = 100.0  # positive values have a logarithmic axis if the ratio of the largest to the smallest is at least this

Bands = Mapping[str, Band]  # method -> its band


def accuracy(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Plot a task's test accuracy, with its train accuracy as fainter lines; None if neither was recorded.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
        task: the label of the task.
    """
    found = {label: bands for label in ACCURACIES if (bands := _bands(sheet, task, label))}
    if not found:
        return None
    y = alt.Y("median:Q", scale=scale((0.0, 1.0), False), axis=alt.Axis(title=FAINT if len(found) > 1 else [*found][0]))
    return _plot(sheet, task, found, y, (0.0, 1.0), single=True)


def metric(sheet: Sheet, task: str, label: str) -> dict[str, Any] | None:
    """Plot a recorded metric of a task, without single seeds; None if the metric has no finite value.

    Args:
        sheet: the sheet to draw on, as for `accuracy`.
        task: the label of the task.
        label: the label of the metric.
    """
    bands = _bands(sheet, task, label)
    values = [value for band in bands.values() for value in (*band.low, *band.high) if np.isfinite(value)]
    if not values:
        return None
    log = min(values) > 0 and max(values) / min(values) >= WIDE
    span = around(values, log)
    y = alt.Y("median:Q", scale=scale(span, log), axis=axis(cut(label), span, log))
    return _plot(sheet, task, {label: bands}, y, span)


def _bands(sheet: Sheet, task: str, label: str) -> Bands:
    """Return the band of every method that has a finite median at some epoch, in the order of the suite."""
    cells = sheet.evidence.of(task)
    found = {each.measured.cell.regularizer: sheet.evidence.curves(task, each).get(label) for each in cells}
    return {method: band for method, band in found.items() if band is not None and np.isfinite(band.median).any()}


def _plot(
    sheet: Sheet, task: str, found: Mapping[str, Bands], y: alt.Y, span: Span, single: bool = False
) -> dict[str, Any]:
    """Draw metrics in one plot, the first of `found` in front."""
    first, *behind = found
    methods, cells = dict.fromkeys(method for bands in found.values() for method in bands), sheet.evidence.of(task)
    last = max(int(band.epochs[-1]) for bands in found.values() for band in bands.values())
    interval = min(each.measured.cell.evaluate_every for each in cells)
    x = epochs(max(last, interval), interval, sheet.log)
    look = {"color": sheet.colour(methods), "strokeDash": sheet.dash(methods)}
    seeds_behind = single and not sheet.crowded  # the train accuracy of hundreds of seeds would fill the file
    layers = [layer for label in behind for layer in _lines(sheet, label, found[label], x, y, look, seeds_behind, 0.45)]
    layers += _lines(sheet, first, found[first], x, y, look, single, 1.0)
    ends = alt.Chart(sheet.data(_ends(found[first]))).encode(x=x, y=y, color=sheet.colour(methods))
    if sheet.crowded and sheet.style.hovered:
        layers.append(ends.mark_point(filled=True, size=40, opacity=1).encode(shape=sheet.marker(methods)))
    middle = alt.Chart(sheet.data(_middle(first, found[first]))).encode(x=x, y=y)
    grey = [sheet.grey(middle.mark_line(strokeWidth=0.6 * sheet.style.line)), *sheet.spots(middle, _tooltip())]
    said = _description(task, found[first], first)
    shown = {"single": sheet.seeds} if single else {}
    return sheet.plot(layers, _criterion(sheet, task, found, y, span), grey=grey, description=said, **shown)


def _lines(
    sheet: Sheet, label: str, bands: Bands, x: alt.X, y: alt.Y, look: Mapping[str, Any], single: bool, strength: float
) -> Iterator[alt.Chart]:
    """Draw single seeds, the quartiles, the median, and the invisible points that hold the median's tooltips.

    `strength` is the opacity, 1 for the metric in front. It is set for fills and strokes, because a transparent mark
    would be rendered as a separate image in a png.
    """
    colour = look["color"]
    if single and (sheet.seeds or sheet.style.hovered):
        seeds = alt.Chart(sheet.data(_single(bands))).transform_filter("single")
        thin = seeds.mark_line(strokeWidth=0.6, strokeOpacity=0.35 * strength)
        yield thin.encode(x=x, y=y, color=colour, detail="seed:N")
    base = alt.Chart(sheet.data(_middle(label, bands))).encode(x=x, y=y, color=colour)
    yield base.mark_area(opacity=1, fillOpacity=0.18 * strength**2).encode(y=_low(y), y2="high:Q")
    line = base.mark_line(strokeWidth=strength * sheet.style.line, strokeOpacity=strength)
    yield line.encode(strokeDash=look["strokeDash"])
    yield from sheet.spots(base, _tooltip())


def _low(y: alt.Y) -> alt.Y:
    """Return the same axis for the lower quartiles."""
    return alt.Y("low:Q", scale=y["scale"], axis=y["axis"])


def _tooltip() -> list[alt.Tooltip]:
    shown = {"epoch": "epochs", "median": "median", "low": "lower quartile", "high": "upper quartile"}
    numbers = (alt.Tooltip(f"{field}:Q", title=title) for field, title in shown.items())
    return [alt.Tooltip("method:N"), alt.Tooltip("metric:N"), *numbers]


def _middle(label: str, bands: Bands) -> Iterator[dict[str, Any]]:
    for method, band in bands.items():
        for epoch, low, median, high in zip(band.epochs, band.low, band.median, band.high, strict=True):
            entry = {"low": float(low), "median": float(median), "high": float(high)}
            yield {"method": method, "metric": label, "epoch": int(epoch), **entry}


def _single(bands: Bands) -> Iterator[dict[str, Any]]:
    """Yield the points of every seed's curve up to its last evaluation, thinned to at most SEEDS points."""
    most = max(FEWEST, min(SEEDS, POINTS // max(1, sum(len(band.seeds) for band in bands.values()))))
    for method, band in bands.items():
        every = -(-len(band.epochs) // most)
        for seed, values in band.seeds.items():
            known = np.flatnonzero(np.isfinite(values))
            shown = [i for i in known if i % every == 0 or i == known[-1]]
            yield from (
                {"method": method, "seed": seed, "epoch": int(band.epochs[i]), "median": float(values[i])}
                for i in shown
            )


def _ends(bands: Bands) -> Iterator[dict[str, Any]]:
    """Yield the end of each median."""
    for method, (epoch, value) in ((method, _end(band)) for method, band in bands.items()):
        yield {"method": method, "epoch": epoch, "median": value}


def _end(band: Band) -> tuple[float, float]:
    """Return the last epoch with a finite median, and that median."""
    last = np.flatnonzero(np.isfinite(band.median))[-1]
    return float(band.epochs[last]), float(band.median[last])


def _criterion(sheet: Sheet, task: str, found: Mapping[str, Bands], y: alt.Y, span: Span) -> list[alt.Chart]:
    """Draw a dashed line at each threshold that the task's criterion sets for these metrics, within the span."""
    conditions = sheet.evidence.of(task)[0].measured.cell.recipe.grokked
    levels = [parse_condition(conditions[label]).threshold for label in found if label in conditions]
    rows = [{"median": level} for level in dict.fromkeys(levels) if span[0] <= level <= span[1]]
    rule = alt.Chart(sheet.data(rows)).mark_rule(strokeDash=[2, 2], strokeOpacity=0.6)
    return [rule.encode(y=y)] if rows else []


def _description(task: str, bands: Bands, label: str) -> str:
    ends = {method: _end(band) for method, band in bands.items()}
    said = "; ".join(f"{method} {value:.3g} at {epoch:g}" for method, (epoch, value) in ends.items())
    return f"{label} on {task} over epochs; median of the seeds at the end: {said}."
