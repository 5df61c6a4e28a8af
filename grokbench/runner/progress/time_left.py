"""How long the rest of a suite may take, from what training has cost so far."""

import math
from typing import NamedTuple

from grokbench.records import Outcome
from grokbench.runner.progress.matrix import Key, Matrix
from grokbench.text.lists import plural

__all__ = ["Left", "left"]

TRUSTED = 1.0  # seconds of training before its pace is worth telling


class Left(NamedTuple):
    """What can be said of the time left: `str` gives it in words, empty where that is nothing."""

    seconds: float  # for the tasks whose pace is known
    bound: bool  # whether some replicas count with their whole budget, as no sibling has told how long they take
    untimed: int  # tasks with work left and no known pace

    def __str__(self) -> str:
        """Such as `at most 4 min left + 2 tasks not timed yet`."""
        if not self.seconds:
            return ""
        more = f" + {plural(self.untimed, 'task')} not timed yet" if self.untimed else ""
        return f"{'at most' if self.bound else 'about'} {_duration(self.seconds)} left{more}"


def left(matrix: Matrix) -> Left:
    """Epochs left x seconds per epoch over all cells, shared by the groups that train at the same time."""
    seconds, bound, untimed = 0.0, False, set()
    for key in matrix.cells:
        epochs, guessed = _epochs_left(matrix, key)
        pace = _seconds_per_epoch(matrix, key)
        if epochs and pace is None:
            untimed.add(key[0])
        elif epochs and pace is not None:
            seconds, bound = seconds + epochs * pace, bound or guessed
    return Left(seconds / max(1, sum(map(len, matrix.fronts.values()))), bound, len(untimed))


def _epochs_left(matrix: Matrix, key: Key) -> tuple[float, bool]:
    """Epochs that a cell's replicas still need, and whether some of them are counted up to the budget.

    A replica at epoch e needs as long as the finished siblings that went at least as far did, on average.
    """
    taken = [run.epochs for run in matrix.runs[key].values() if run.outcome is not Outcome.FAILED]
    present = matrix.present(key)
    present += [0] * (matrix.seeds - matrix.done(key) - len(present))
    total, bound = 0.0, False
    for epoch in present:
        longer = [epochs for epochs in taken if epochs >= epoch]
        total += (sum(longer) / len(longer) if longer else matrix.cells[key].budget) - epoch
        bound |= not longer
    return total, bound


def _seconds_per_epoch(matrix: Matrix, key: Key) -> float | None:
    """Seconds per epoch of one replica: the cell's own, else its task's; None before there is enough of either."""
    own, task = matrix.paces[key], [pace for other, pace in matrix.paces.items() if other[0] == key[0]]
    for paces in ([own], task):
        seconds, epochs = sum(pace.seconds for pace in paces), sum(pace.epochs for pace in paces)
        if seconds >= TRUSTED and epochs:
            return seconds / epochs
    return None


def _duration(seconds: float) -> str:
    """Rounded up, no finer than an estimate deserves."""
    if seconds < 55:
        return f"{5 * math.ceil(seconds / 5)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
