"""Train and test accuracy over epochs as lines of characters, below a task's table on the terminal."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grokbench.judging.bands import Band, band
from grokbench.judging.leaderboard import Leaderboard
from grokbench.records import Cell
from grokbench.report.text.prose import begun
from grokbench.stats import Floats
from grokbench.store import Store
from grokbench.text.escape import printable
from grokbench.text.numbers import number
from grokbench.text.table import GAP, aligned, shortened, width

__all__ = ["BLOCKS", "DIGITS", "Sparklines", "read_sparklines"]

BLOCKS = "▁▂▃▄▅▆▇█"
DIGITS = "0123456789"  # for an output whose encoding lacks the blocks
MOST_ROWS = 4  # most rows of a leaderboard with sparklines: the curves of a larger one take long to read
ACCURACIES = {"train": "train_accuracy", "test": "test_accuracy"}  # name in the text -> metric
EPOCH = "epoch"
LONGEST, SHORTEST = 60, 10  # characters of a line
LONGEST_LABEL = 24

Curves = Mapping[str, Band]  # name of an accuracy -> its band over the seeds of a cell


@dataclass(frozen=True)
class Sparklines:
    """The median accuracies over seeds, on a logarithmic axis of epochs; all methods of a task share both axes.

    The line of a method ends where its last seed stopped.

    Attributes:
        curves: (task, regularizer) -> the curves of the cell.
        levels: characters for equal parts of the range between the smallest and the largest accuracy, in this order.
    """

    curves: Mapping[tuple[str, str], Curves]
    levels: str = BLOCKS

    def lines(self, task: str, most: int) -> list[str]:
        """Write the curves of a task's methods, and the axis below; none if no seed was evaluated after epoch 0.

        Args:
            task: the label of the task.
            most: the width in characters.
        """
        shown = {method: curves for (of, method), curves in self.curves.items() if of == task and curves}
        bands = [each for curves in shown.values() for each in curves.values()]
        labels = {method: shortened(printable(method), LONGEST_LABEL) for method in shown}
        left = most - max(map(width, labels.values()), default=0) - len(EPOCH) - 2 * GAP
        axis, (low, high) = _axis(bands, min(LONGEST, max(SHORTEST, left))), _range(bands)
        if not len(axis):
            return []
        rows = [
            [labels[method] if name == next(iter(curves)) else "", name, self._line(each, axis, low, high)]
            for method, curves in shown.items()
            for name, each in curves.items()
        ]
        ends = f"{self.levels[0]} {number(low)} to {self.levels[-1]} {number(high)}"
        return [f"accuracy, median over seeds: {ends}", *aligned([*rows, ["", EPOCH, _ticks(axis)]], ["left"] * 3)]

    def _line(self, curve: Band, axis: Floats, low: float, high: float) -> str:
        """Write the latest median at each epoch of the axis; blank where there is none, and after the last seed."""
        ends = np.searchsorted(axis, curve.epochs[-1])
        latest = np.searchsorted(curve.epochs, axis[: ends + 1], side="right") - 1
        values = np.where(latest >= 0, curve.median[latest.clip(min=0)], np.nan)
        parts = (len(self.levels) * (values - low) / ((high - low) or 1.0)).clip(0, len(self.levels) - 1)
        return "".join(" " if math.isnan(part) else self.levels[int(part)] for part in parts)


def _range(curves: Sequence[Band]) -> tuple[float, float]:
    """Return the smallest and the largest median after epoch 0; (0, 1) if there is none."""
    values = [value for curve in curves for value in curve.median[curve.epochs > 0] if math.isfinite(value)]
    return (min(values), max(values)) if values else (0.0, 1.0)


def _axis(curves: Sequence[Band], columns: int) -> Floats:
    """Return the epoch of each column, from the first evaluation after epoch 0 to the last one."""
    epochs = [epoch for curve in curves for epoch in curve.epochs if epoch > 0]
    if not epochs:
        return np.empty(0)
    first, last = min(epochs), max(epochs)
    return np.geomspace(first, last, columns if last > first else 1) * (1 + 1e-9)  # `geomspace` rounds down, too


def _ticks(axis: Floats) -> str:
    """Write the epochs below the axis: the first one, powers of ten, and the last one, where there is space."""
    first, last = f"{axis[0]:,.0f}", f"{axis[-1]:,.0f}"
    if len(first) + GAP + len(last) > len(axis):
        return first
    end, text = len(axis) - len(last), first
    for power in range(math.floor(math.log10(axis[0])) + 1, math.ceil(math.log10(axis[-1]))):
        label, at = f"{10**power:,}", int(np.searchsorted(axis, 10**power))
        if len(text) + GAP <= at and at + len(label) + GAP <= end:
            text = text.ljust(at) + label
    return text.ljust(end) + last


def read_sparklines(store: Store, leaderboard: Leaderboard, levels: str = BLOCKS) -> Sparklines | None:
    """Read the curves of a folder; None if more than MOST_ROWS rows of its leaderboard are shown.

    Args:
        store: the results folder.
        leaderboard: its leaderboard.
        levels: BLOCKS or DIGITS.
    """
    shown = {(row.task, row.regularizer) for rows in begun(leaderboard)[0].values() for row in rows}
    if len(shown) > MOST_ROWS:
        return None
    return Sparklines({cell.key: _curves(store, cell) for cell in store.manifest.cells if cell.key in shown}, levels)


def _curves(store: Store, cell: Cell) -> Curves:
    runs = store.runs_of(cell, store.manifest.seeds, curves=True)
    found = {name: band(runs, metric, most=cell.budget + 1) for name, metric in ACCURACIES.items()}
    return {name: each for name, each in found.items() if each is not None}
