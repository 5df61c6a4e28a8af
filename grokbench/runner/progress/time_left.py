"""An estimate of the time left in a run, from the cost of training so far."""

import heapq
import math
from typing import NamedTuple

from grokbench.records import Outcome
from grokbench.runner.progress.matrix import CellKey, Matrix, TrainingCost
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

    Each group in training is a worker; when it ends, its worker takes the longest group that waits.
    """
    training, waiting, bound, untimed = list[float](), list[float](), False, set[str]()
    tasks, largest = _costs_of_tasks(matrix), _largest_group(matrix)
    for key in matrix.cells:
        queued, per_epoch = _queued(matrix, key), _seconds_per_epoch(matrix.costs[key], tasks[key[0]])
        if per_epoch is None:
            untimed |= {key[0]} if queued or matrix.groups[key] else set()
            continue
        for epochs in _current(matrix, key):
            training.append(per_epoch * sum(_epochs_left(matrix, key, epoch) for epoch in epochs))
            bound |= any(not _ends(matrix, key, epoch) for epoch in epochs)
        each = per_epoch * _epochs_left(matrix, key, 0)
        waiting += [each * size for size in _sizes(queued, largest)]
        bound |= queued > 0 and not _ends(matrix, key, 0)
    return TimeLeft(_last_end(training, waiting), bound, len(untimed))


def _last_end(training: list[float], waiting: list[float]) -> float:
    """Return the seconds until the last group ends, if every worker that is free takes the longest one that waits."""
    workers = training or [0.0]
    heapq.heapify(workers)
    for seconds in sorted(waiting, reverse=True):
        heapq.heapreplace(workers, workers[0] + seconds)
    return max(workers)


def _current(matrix: Matrix, key: CellKey) -> list[list[int]]:
    """Return the last reported epochs of the replicas of each group in training."""
    runs = matrix.runs[key]
    return [[group.epoch for seed in seeds if seed not in runs] for seeds, group in matrix.groups[key].items()]


def _queued(matrix: Matrix, key: CellKey) -> int:
    """Count the replicas of a cell that wait for a worker."""
    return matrix.seeds - matrix.done(key) - len(matrix.current_epochs(key))


def _largest_group(matrix: Matrix) -> int | None:
    """Return the size of the largest group in training; None if there is none."""
    return max((len(seeds) for groups in matrix.groups.values() for seeds in groups), default=None)


def _sizes(replicas: int, largest: int | None) -> list[int]:
    """Divide the replicas of a cell that wait into groups as large as the largest one in training."""
    size = largest or max(1, replicas)
    return [min(size, replicas - start) for start in range(0, replicas, size)]


def _epochs_left(matrix: Matrix, key: CellKey, epoch: int) -> float:
    """Estimate the epochs that a replica still needs.

    It is expected to end at the mean last epoch of the cell's finished replicas that reached its epoch, or at its
    budget.
    """
    longer = _ends(matrix, key, epoch)
    return (sum(longer) / len(longer) if longer else matrix.cells[key].last_epoch) - epoch


def _ends(matrix: Matrix, key: CellKey, epoch: int) -> list[int]:
    """List the last epochs of the cell's finished replicas that reached an epoch."""
    runs = matrix.runs[key].values()
    return [run.epochs for run in runs if run.outcome is not Outcome.FAILED and run.epochs >= epoch]


def _costs_of_tasks(matrix: Matrix) -> dict[str, TrainingCost]:
    """Return the cost of the training of each task so far."""
    found: dict[str, TrainingCost] = {}
    for (task, _), cost in matrix.costs.items():
        total = found.setdefault(task, TrainingCost())
        total.seconds, total.epochs = total.seconds + cost.seconds, total.epochs + cost.epochs
    return found


def _seconds_per_epoch(*costs: TrainingCost) -> float | None:
    """Return the seconds per epoch of a replica by the first cost that is known well enough; None if none is."""
    known = (cost.seconds / cost.epochs for cost in costs if cost.seconds >= LEAST_SECONDS and cost.epochs)
    return next(known, None)


def _duration(seconds: float) -> str:
    """Format seconds, rounded up to 5 seconds or to minutes."""
    if seconds < 55:
        return f"{5 * math.ceil(seconds / 5)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
