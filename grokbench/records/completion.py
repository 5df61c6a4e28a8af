"""A check that a replica was trained to its end under the budget and the stop rule of its cell."""

from grokbench.records.cell import Cell
from grokbench.records.run import Outcome, Run

__all__ = ["reached_end"]


def reached_end(run: Run, cell: Cell) -> bool:
    """Return whether a run is complete: it stopped at grokking, its loss diverged, or it reached the budget.

    A run that ended only because an earlier budget was smaller is not complete: its epochs to grok are not known.

    Args:
        run: a run of the cell, possibly under an earlier budget.
        cell: the cell as planned now.
    """
    if run.outcome is Outcome.FAILED:
        return False
    if cell.recipe.hold is not None and run.outcome is Outcome.GROKKED:
        return _watched(run, cell.budget)
    ended = run.crossings is not None and run.crossings.not_finite_at is not None
    stopped = run.outcome is Outcome.GROKKED and (cell.recipe.stop != "budget" or ended)
    return stopped or run.outcome is Outcome.DIVERGED or run.epochs >= cell.budget


def _watched(run: Run, budget: int) -> bool:
    """Return whether no crossing within the budget can still become the first lasting one."""
    found = run.crossings
    if found is None:
        return False
    if found.lasting is not None or found.not_finite_at is not None:
        return True
    return run.epochs >= budget and (found.open_since is None or found.open_since > budget)
