"""Checks of a plan's data before training: whether the files exist, and whether they are the published data."""

from collections.abc import Iterable, Iterator

from grokbench.data import current_digest
from grokbench.data.digests import fetched
from grokbench.data.published import PUBLISHED, is_unverified, refusal, refuse_unverified
from grokbench.records import Cell
from grokbench.runner.request import Plan

__all__ = ["fetch_data", "unverified_sentences"]


def fetch_data(plan: Plan, cells: Iterable[Cell], metrics: bool = True) -> None:
    """Fetch the data files of the cells' tasks and metrics, and verify the data sets that are read.

    Args:
        plan: the resolved request.
        cells: the cells to train or to time.
        metrics: False to leave out the data of metrics.

    Raises:
        DataError: a file is missing and cannot be fetched, or a data set is not the published one and the plan does not
            accept it.
    """
    from grokbench.plan import cell_step, identity

    tasks = {identity(cell.recipe.task.data()): cell for cell in cells}
    for cell in tasks.values():
        step = cell_step(cell, plan.registry)
        measured = step.metrics.values() if metrics else ()
        read = fetched([step.task.fetch, *(metric.fetch for metric in measured)])
        refuse_unverified(read, plan.unverified_data)


def unverified_sentences(plan: Plan) -> Iterator[str]:
    """Yield a sentence for each present data set that would make `fetch_data` refuse the plan.

    Nothing is fetched. Only shipped tasks are checked, because these have the names of their data sets.
    """
    used = {cell.recipe.task.name for cell in plan.cells}
    for name in PUBLISHED:
        if name in used and name not in plan.unverified_data:
            sha256 = current_digest(name)
            if sha256 and is_unverified(name, sha256):
                yield refusal(name, sha256)
