"""The part of a results folder that claims need: the rows of its leaderboard, and the curves of every seed."""

import math
from functools import cached_property
from pathlib import Path

from grokbench.judging.comparison import compare
from grokbench.judging.ranking import rank
from grokbench.judging.row import Row
from grokbench.records import Cell, Outcome, Run
from grokbench.store import Store

__all__ = ["Missing", "Results"]


class Missing(Exception):
    """The folder lacks a cell, a seed or a curve that a claim is about, so the claim cannot be judged."""


class Results:
    """A results folder, packed or not. A lookup raises `Missing` if the folder lacks what is looked up.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: str | Path) -> None:
        """Read the plan of the folder; runs are read when they are looked up."""
        self.store = Store.load(folder)
        self._runs: dict[str, dict[int, Run]] = {}

    @property
    def seeds(self) -> tuple[int, ...]:
        """The planned seeds."""
        return self.store.manifest.seeds

    @property
    def tasks(self) -> list[str]:
        """The labels of the tasks, in the order of the suite."""
        return list(dict.fromkeys(cell.task for cell in self.store.manifest.cells))

    @cached_property
    def rows(self) -> dict[tuple[str, str], Row]:
        """The rows of the leaderboard, by task and regularizer."""
        found = rank(compare(self.store.manifest, self.store.runs(), self.store.timings()))
        return {(row.task, row.regularizer): row for row in found.rows}

    def row(self, task: str, method: str) -> Row:
        """Look up a row; every seed must have finished."""
        row = self.rows.get((task, method))
        if row is None or row.grokked + row.censored + row.diverged < len(self.seeds):
            raise Missing(f"{task} / {method} is not complete")
        return row

    def runs(self, task: str, method: str) -> dict[int, Run]:
        """Look up the runs of a cell with their curves, by seed."""
        cell = self._cell(task, method)
        if cell.identity not in self._runs:
            found = {run.seed: run for run in self.store.runs_of(cell, self.seeds, curves=True)}
            if set(found) != set(self.seeds) or any(run.outcome is Outcome.FAILED for run in found.values()):
                raise Missing(f"{task} / {method} is not complete")
            self._runs[cell.identity] = found
        return self._runs[cell.identity]

    def curves(self, task: str, method: str, metric: str) -> dict[int, dict[int, float]]:
        """Look up the finite values of a metric: seed -> epoch -> value."""
        found = {}
        for seed, run in self.runs(task, method).items():
            curve = run.curves.get(metric)
            pairs = zip(curve.epochs, curve.values, strict=True) if curve else ()
            found[seed] = {epoch: value for epoch, value in pairs if math.isfinite(value)}
            if not found[seed]:
                raise Missing(f"{task} / {method} has no curve of {metric}")
        return found

    def first(self, task: str, method: str, metric: str) -> dict[int, float]:
        """Look up the first value of a metric, by seed."""
        return {seed: curve[min(curve)] for seed, curve in self.curves(task, method, metric).items()}

    def last(self, task: str, method: str, metric: str) -> dict[int, float]:
        """Look up the last value of a metric, by seed."""
        return {seed: curve[max(curve)] for seed, curve in self.curves(task, method, metric).items()}

    def crossing(self, task: str, method: str, metric: str, threshold: float) -> dict[int, float]:
        """Find the first recorded epoch at which a metric exceeds a threshold, by seed; infinite if it never does."""
        return {
            seed: min((epoch for epoch, value in curve.items() if value > threshold), default=math.inf)
            for seed, curve in self.curves(task, method, metric).items()
        }

    def at(self, task: str, method: str, metric: str, epochs: dict[int, float]) -> dict[int, float]:
        """Look up a metric at or last before an epoch of each seed, by seed; nan if the epoch is infinite."""
        found = {}
        for seed, curve in self.curves(task, method, metric).items():
            before = [epoch for epoch in curve if epoch <= epochs[seed] < math.inf]
            found[seed] = curve[max(before)] if before else math.nan
        return found

    def memorised(self, task: str, method: str) -> dict[int, float]:
        """Look up the epochs to memorise, by seed; infinite for a seed that never does."""
        return {seed: _known(run.memorised_at) for seed, run in self.runs(task, method).items()}

    def grokked(self, task: str, method: str) -> dict[int, float]:
        """Look up the epochs at which the task's criterion is met, by seed; infinite for a seed that never does."""
        return {seed: _known(run.grokked_at) for seed, run in self.runs(task, method).items()}

    def _cell(self, task: str, method: str) -> Cell:
        for cell in self.store.manifest.cells:
            if cell.key == (task, method):
                return cell
        raise Missing(f"there is no cell {task} / {method}")


def _known(epoch: int | None) -> float:
    return math.inf if epoch is None else float(epoch)
