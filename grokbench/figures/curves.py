"""Metrics over epochs: the median of the seeds, their quartiles, and single seeds."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt
import numpy as np

from grokbench.bands import Band
from grokbench.figures.labels import labels, room
from grokbench.figures.sheet import Sheet

__all__ = ["ACCURACIES", "accuracy", "metric"]

ACCURACIES = ("test_accuracy", "train_accuracy")
SEEDS = 60  # points of a single seed's curve

Bands = Mapping[str, Band]  # method -> its band


def accuracy(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Test accuracy, and train accuracy as a fainter line; None where neither was recorded."""
    found = {label: bands for label in ACCURACIES if (bands := _bands(sheet, task, label))}
    return _drawn(sheet, task, found, "accuracy", (0.0, 1.0), single=True) if found else None


def metric(sheet: Sheet, task: str, label: str) -> dict[str, Any] | None:
    """One recorded metric, without single seeds; None where it has no finite value."""
    bands = _bands(sheet, task, label)
    values = [value for band in bands.values() for value in (*band.low, *band.high) if np.isfinite(value)]
    return _drawn(sheet, task, {label: bands}, label, (min(values), max(values))) if values else None


def _bands(sheet: Sheet, task: str, label: str) -> Bands:
    cells = sheet.evidence.of(task)
    found = {each.measured.cell.regularizer: sheet.evidence.curves(task, each).get(label) for each in cells}
    return {method: band for method, band in found.items() if band is not None}


def _drawn(
    sheet: Sheet,
    task: str,
    found: Mapping[str, Bands],
    title: str,
    domain: tuple[float, float],
    single: bool = False,
) -> dict[str, Any]:
    """Metrics in one plot, the first of them in front."""
    first, *behind = found
    cells = sheet.evidence.of(task)
    last = max(int(band.epochs[-1]) for bands in found.values() for band in bands.values())
    interval = min(each.measured.cell.evaluate_every for each in cells)
    x, height = sheet.epochs(max(last, interval), interval), sheet.height(len(found[first]))
    y = alt.Y("median:Q", scale=alt.Scale(domain=list(domain), nice=domain != (0.0, 1.0)), axis=alt.Axis(title=title))
    layers = [layer for label in behind for layer in _lines(sheet, label, found[label], x, y, faint=True)]
    layers += _lines(sheet, first, found[first], x, y, faint=False)
    ends = {method: end for method, band in found[first].items() if (end := _end(band))}
    layers += labels(sheet, ends, x, domain, height)
    single = alt.param(name="single", value=sheet.seeds)
    chart = sheet.chart(layers, _criterion(sheet, task, found, y), height).add_params(single)
    return sheet.finished(chart, _described(task, title, found[first], first), room(sheet, ends))


def _lines(sheet: Sheet, label: str, bands: Bands, x: alt.X, y: alt.Y, faint: bool) -> Iterator[alt.Chart]:
    """Single seeds, the quartiles, the median and what hovering over it says."""
    colour, strength = sheet.colour(), 0.45 if faint else 1.0
    seeds = alt.Chart(sheet.data(_single(bands))).transform_filter("single")
    thin = seeds.mark_line(clip=True, strokeWidth=0.6, opacity=0.35 * strength)
    yield thin.encode(x=x, y=y, color=colour, detail="seed:N")
    base = alt.Chart(sheet.data(_middle(label, bands))).encode(x=x, y=y, color=colour)
    yield base.mark_area(clip=True, opacity=0.07 if faint else 0.18).encode(y="low:Q", y2="high:Q")
    line = base.mark_line(clip=True, strokeWidth=strength * sheet.style.line, opacity=strength)
    yield line.encode(strokeDash=sheet.dash())
    yield base.mark_point(opacity=0, size=40).encode(tooltip=_tooltip())


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
    """Every seed's own curve, as far as it was followed."""
    for method, band in bands.items():
        every = -(-len(band.epochs) // SEEDS)
        for seed, values in band.seeds.items():
            known = np.flatnonzero(np.isfinite(values))
            shown = [i for i in known if i % every == 0 or i == known[-1]]
            yield from (
                {"method": method, "seed": seed, "epoch": int(band.epochs[i]), "median": float(values[i])}
                for i in shown
            )


def _end(band: Band) -> tuple[float, float] | None:
    """Where a median ends."""
    known = np.flatnonzero(np.isfinite(band.median))
    return (float(band.epochs[known[-1]]), float(band.median[known[-1]])) if known.size else None


def _criterion(sheet: Sheet, task: str, found: Mapping[str, Bands], y: alt.Y) -> list[alt.Chart]:
    """A dashed line at each value of these metrics that the task's criterion names."""
    conditions = sheet.evidence.of(task)[0].measured.cell.recipe.get("grokked") or {}
    levels = [_level(conditions[label]) for label in found if label in conditions]
    rows = [{"median": level} for level in dict.fromkeys(levels) if level is not None]
    return [alt.Chart(sheet.data(rows)).mark_rule(strokeDash=[2, 2], opacity=0.6).encode(y=y)] if rows else []


def _level(condition: Any) -> float | None:
    match = re.search(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?$", str(condition))
    return float(match[0]) if match else None


def _described(task: str, title: str, bands: Bands, label: str) -> str:
    ends = {method: end for method, band in bands.items() if (end := _end(band))}
    said = "; ".join(f"{method} {value:.3g} at {epoch:g}" for method, (epoch, value) in ends.items())
    return f"{title} on {task} over epochs; median {label} of the seeds at the end: {said}."
