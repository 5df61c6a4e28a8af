"""The rules for reusing stored runs: which runs satisfy a request, and which runs `--rerun` trains again."""

from collections.abc import Mapping
from typing import Any

from grokbench.records import Cell, Origin, Outcome, Run, origins_of

__all__ = ["RERUN", "outdated", "satisfies"]

RERUN = {  # each value includes the values before it
    "failed": "what is missing or failed, or was made by a plugin of yours whose code has changed since",
    "stale": "also what another version of torch, of grokbench or of any plugin's source made",
    "all": "everything selected",
}
VERSIONS = ("torch", "grokbench")  # keys of provenance


def satisfies(run: Run, cell: Cell) -> bool:
    """Return whether a stored run satisfies the request for its cell, and so need not be trained again.

    A run satisfies the request if it grokked within the budget, reached the budget or diverged, and if it holds the
    metrics and the weights of the cell.

    Args:
        run: the run, with the final values of its metrics; its curves are not needed.
        cell: the cell as planned now, with its budget and metrics.
    """
    return _ended(run, cell) and _holds(run, cell) and cell.weights.of(run.epochs) <= run.weights.keys()


def _ended(run: Run, cell: Cell) -> bool:
    """Return whether a run is complete: it stopped at grokking, its loss diverged, or it reached the budget."""
    if run.outcome is Outcome.FAILED:
        return False
    if cell.recipe.hold is not None and run.outcome is Outcome.GROKKED:
        return _watched(run, cell.budget)
    ended = run.crossings is not None and run.crossings.not_finite_at is not None
    stopped = run.outcome is Outcome.GROKKED and (cell.recipe.stop != "budget" or ended)
    return stopped or run.outcome is Outcome.DIVERGED or run.epochs >= cell.budget


def _watched(run: Run, budget: int) -> bool:
    """Return whether no crossing within the budget could still become the first lasting one."""
    found = run.crossings
    if found is None:
        return False
    if found.lasting is not None or found.not_finite_at is not None:
        return True
    return run.epochs >= budget and (found.open_since is None or found.open_since > budget)


def _holds(run: Run, cell: Cell) -> bool:
    """Return whether a run holds every metric of the cell, measured with the plugins and parameters of the cell."""
    measured = run.provenance.get("measured") or {}
    same = all(measured.get(label) == dict(how) for label, how in cell.measured.items())
    return same and set(cell.metrics) <= set(run.final)


def outdated(made: Mapping[str, Any], origins: Mapping[str, Origin], here: Mapping[str, Any], rerun: str) -> bool:
    """Return whether this value of `--rerun` replaces a stored run or timing.

    Args:
        made: the provenance of the run or timing.
        origins: `kind.name` of a plugin -> its present origin.
        here: the present environment.
        rerun: a key of RERUN.
    """
    then = origins_of(made)
    if rerun == "failed":  # built-in plugins have revisions, which are part of a cell's identity
        origins = {name: origin for name, origin in origins.items() if not origin.built_in}
    versions = VERSIONS if rerun == "stale" else ()
    same = all(name in then and origin.agrees_with(then[name]) for name, origin in origins.items())
    return rerun == "all" or not (same and all(made.get(key) == here.get(key) for key in versions))
