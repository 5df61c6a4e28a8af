"""An estimate of the time left in a run, from the cost of training so far."""

import math
from typing import NamedTuple

from grokbench.records import Outcome
from grokbench.runner.progress.matrix import CellKey, Matrix
from grokbench.text.lists import plural

__all__ = ["TimeLeft", "estimate_time_left"]

LEAST_SECONDS = 1.0  # minimum seconds of training before its seconds per epoch are used


class TimeLeft(NamedTuple):
    """An estimate of the time left; `str` describes it, and is empty if nothing is known.

    Attributes:
        seconds: the seconds left for the tasks whose seconds per epoch are known.
        bound: whether the estimate is an upper bound: some replicas count with their whole budget, because no other
            replica of their cell has finished that late.
        untimed: the number of tasks with work left whose seconds per epoch are not known.
    """

    seconds: float
    bound: bool
    untimed: int

    def __str__(self) -> str:
        """Describe the estimate, such as `at most 4 min left + 2 tasks not timed yet`."""
        if not self.seconds:
            return ""
        more = f" + {plural(self.untimed, 'task')} not timed yet" if self.untimed else ""
        return f"{'at most' if self.bound else 'about'} {_duration(self.seconds)} left{more}"


def estimate_time_left(matrix: Matrix) -> TimeLeft:
    """Estimate the time left from the epochs left and the seconds per epoch of each cell.

    Their products are summed over cells, and divided by the number of groups in training.
    """
    seconds, bound, untimed = 0.0, False, set()
    for key in matrix.cells:
        epochs, bounded = _epochs_left(matrix, key)
        per_epoch = _seconds_per_epoch(matrix, key)
        if epochs and per_epoch is None:
            untimed.add(key[0])
        elif epochs and per_epoch is not None:
            seconds, bound = seconds + epochs * per_epoch, bound or bounded
    return TimeLeft(seconds / max(1, sum(map(len, matrix.groups.values()))), bound, len(untimed))


def _epochs_left(matrix: Matrix, key: CellKey) -> tuple[float, bool]:
    """Estimate the epochs that a cell's replicas still need; also return whether some count with their whole budget.

    A replica at epoch e is expected to end at the mean last epoch of the cell's finished replicas that reached e.
    """
    taken = [run.epochs for run in matrix.runs[key].values() if run.outcome is not Outcome.FAILED]
    current = matrix.current_epochs(key)
    current += [0] * (matrix.seeds - matrix.done(key) - len(current))
    total, bound = 0.0, False
    for epoch in current:
        longer = [epochs for epochs in taken if epochs >= epoch]
        total += (sum(longer) / len(longer) if longer else matrix.cells[key].last_epoch) - epoch
        bound |= not longer
    return total, bound


def _seconds_per_epoch(matrix: Matrix, key: CellKey) -> float | None:
    """Return the seconds per epoch of a replica of the cell, or else of its task; None while neither is known."""
    own, task = matrix.costs[key], [cost for other, cost in matrix.costs.items() if other[0] == key[0]]
    for costs in ([own], task):
        seconds, epochs = sum(cost.seconds for cost in costs), sum(cost.epochs for cost in costs)
        if seconds >= LEAST_SECONDS and epochs:
            return seconds / epochs
    return None


def _duration(seconds: float) -> str:
    """Format seconds, rounded up to 5 seconds or to minutes."""
    if seconds < 55:
        return f"{5 * math.ceil(seconds / 5)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
