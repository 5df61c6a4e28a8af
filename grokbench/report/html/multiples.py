"""Small multiples: a small picture for each method of a task, with its test accuracy in front of the baseline's."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.judging.bands import Band
from grokbench.judging.evidence import Evidence
from grokbench.judging.ordering import LARGE
from grokbench.report.charts.curves import ACCURACIES
from grokbench.report.charts.style import colours
from grokbench.text.numbers import NOTHING, times

__all__ = ["HEIGHT", "WIDTH", "Multiple", "multiples"]

WIDTH, HEIGHT = 150, 60  # of a picture, in pixels
POINTS = 40  # most points of a line

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Multiple:
    """One picture; its paths are SVG path data.

    Attributes:
        method: the label of the method.
        speedup: its speed-up, without an interval.
        colour: the colour of the method.
        line: the median over seeds.
        band: the quartiles.
        baseline: the baseline's median.
    """

    method: str
    speedup: str
    colour: str
    line: str
    band: str
    baseline: str


def multiples(evidence: Evidence, task: str) -> list[Multiple]:
    """Draw the methods of a task in the order of its leaderboard.

    The list is empty if the leaderboard has at most LARGE methods, or if no accuracy was recorded.

    Args:
        evidence: the evidence of a folder.
        task: the label of the task.
    """
    if len(evidence.methods) <= LARGE:
        return []
    curves = {each.measured.cell.regularizer: evidence.curves(task, each) for each in evidence.of(task)}
    bands = {label: mine[ACCURACIES[0]] for label, mine in curves.items() if ACCURACIES[0] in mine}
    found = {label: band for label, band in bands.items() if np.isfinite(band.median).any()}
    if not found:
        return []
    last = max(int(band.epochs[-1]) for band in found.values())
    every = min(each.measured.cell.evaluate_every for each in evidence.of(task))
    first = found.get(evidence.manifest.baseline)
    behind = "" if first is None else _path(_points(first, "median", every, last))
    shade = dict(zip(evidence.methods, colours(evidence.methods), strict=True))
    drawn = []
    for row in evidence.rows(task):
        if row.regularizer in found and row.regularizer != evidence.manifest.baseline:
            band, said = found[row.regularizer], times(row.shown, row.shown_bound)
            low, high = (_points(band, name, every, last) for name in ("low", "high"))
            area = f"{_path([*low, *reversed(high)])}Z" if low else ""
            line = _path(_points(band, "median", every, last))
            shown = "no speed-up" if said == NOTHING else said
            drawn.append(Multiple(row.regularizer, shown, shade[row.regularizer], line, area, behind))
    return drawn


def _points(band: Band, name: str, every: int, last: int) -> Points:
    """Return the pixels of a curve; epochs have a symmetrical logarithmic axis, as in the other charts."""
    values = getattr(band, name)
    known = [i for i in range(len(values)) if math.isfinite(values[i])]
    step = -(-len(known) // POINTS) or 1
    kept = [i for n, i in enumerate(known) if n % step == 0 or i == known[-1]]
    across = WIDTH / math.log1p(max(last, every) / every)
    return [
        (across * math.log1p(float(band.epochs[i]) / every), HEIGHT * (1 - min(1.0, max(0.0, float(values[i])))))
        for i in kept
    ]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "".join(_moves(points))


def _moves(points: Sequence[tuple[float, float]]) -> Iterator[str]:
    for i, (x, y) in enumerate(points):
        yield f"{'L' if i else 'M'}{x:.4g},{y:.3g}"
