"""The order in which groups train: the longest first, so that no worker is left alone with a long group at the end.

The order changes no number, because the groups stay as they are.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from grokbench.errors import StoreError
from grokbench.launchers.jobs import Training
from grokbench.records import Cell, Outcome
from grokbench.runner import compiling
from grokbench.runner.request import Plan
from grokbench.store import Store

__all__ = ["longest_first"]


def longest_first(plan: Plan, store: Store, work: Sequence[Training]) -> list[Training]:
    """Sort groups by their expected seconds, the longest first; equally long ones stay in the order of the suite.

    A group is expected to take the measured seconds per epoch of its cell, or else of the other cells of its task, or
    else an estimate from its plan, and the mean epochs of the cell's finished replicas, or else its budget. Seconds and
    epochs are those stored in the folder or in its reference.

    Args:
        plan: the resolved request.
        store: the results folder.
        work: the groups, in the order of the suite.
    """
    if len(work) <= len(plan.devices):
        return list(work)
    folders = [store, *_reference(plan)]
    cells = {job.cell.identity: job.cell for job in work}
    pace, epochs = _paces(folders), {identity: _epochs(cell, folders) for identity, cell in cells.items()}
    estimates = _Estimates(plan)

    def seconds(job: Training) -> float:
        measured = pace.get(job.cell.identity) or pace.get(job.cell.task)
        per_epoch = measured * len(job.seeds) if measured else estimates.per_epoch(job)
        return per_epoch * epochs[job.cell.identity]

    return sorted(work, key=seconds, reverse=True)


def _reference(plan: Plan) -> list[Store]:
    try:
        return [Store.load(plan.reference)] if plan.reference else []
    except StoreError:  # it was readable when its runs were copied
        return []


def _paces(folders: Iterable[Store]) -> dict[str, float]:
    """Return the measured seconds per epoch of a replica, by the identity of a cell and by the label of a task.

    The first folder that has a measurement decides, because another one may be of another machine.
    """
    found: dict[str, float] = {}
    for folder in folders:
        own = {each.identity: median(each.seconds_per_epoch) for each in folder.timings() if each.seconds_per_epoch}
        tasks: dict[str, list[float]] = {}
        for cell in folder.manifest.cells:
            if cell.identity in own:
                tasks.setdefault(cell.task, []).append(own[cell.identity])
        found = {task: median(paces) for task, paces in tasks.items()} | own | found
    return found


def _epochs(cell: Cell, folders: Iterable[Store]) -> float:
    """Return the mean epochs of a cell's finished replicas in the first folder that has some; otherwise its budget."""
    for folder in folders:
        runs = folder.runs_of(cell, folder.manifest.seeds)
        if ended := [run.epochs for run in runs if run.outcome is not Outcome.FAILED]:
            return sum(ended) / len(ended)
    return cell.last_epoch


class _Estimates:
    """Seconds per epoch of groups without any measurement, from their plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sizes: dict[str, Any] = {}  # label of a task -> the parameters of a replica

    def per_epoch(self, job: Training) -> float:
        """Estimate the seconds per epoch of a group; infinite after an error, so that training reports it soon."""
        from grokbench.engine import replica_size
        from grokbench.plan import cell_step

        cell = job.cell
        try:
            step = cell_step(cell, self._plan.registry)
            if cell.task not in self._sizes:
                self._sizes[cell.task] = replica_size(step.task)[0]
            return compiling.seconds(cell, step, self._sizes[cell.task], len(job.seeds)) / cell.budget
        except Exception:  # of a plugin
            return math.inf
