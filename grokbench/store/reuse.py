"""Which stored runs answer what is asked for, and which are made again all the same: the values of `--rerun`."""

from collections.abc import Mapping
from typing import Any

from grokbench.records import Cell, Outcome, Run

__all__ = ["RERUN", "outdated", "satisfies"]

RERUN = {  # each value trains what the one before it does, and more
    "failed": "what is missing or failed, or was made by a plugin of yours that has changed since",
    "stale": "also what another version of torch, of grokbench or of any plugin's source made",
    "all": "everything selected",
}
VERSIONS = ("torch", "grokbench")  # keys of provenance


def satisfies(run: Run, cell: Cell) -> bool:
    """Whether a stored run of a cell answers the request, and so need not be trained again.

    It does when it grokked within the budget, reached the budget or diverged, and holds every metric asked for.
    """
    return _ended(run, cell) and _holds(run, cell)


def _ended(run: Run, cell: Cell) -> bool:
    """Whether a run says what would happen within the cell's budget: it ended by itself, or went at least as far."""
    if run.outcome is Outcome.FAILED:
        return False
    stopped = run.outcome is Outcome.GROKKED and cell.recipe.get("stop") != "budget"
    return stopped or run.outcome is Outcome.DIVERGED or run.epochs >= cell.budget


def _holds(run: Run, cell: Cell) -> bool:
    """Whether a run holds every metric of the cell, measured as it is now asked for."""
    measured = run.provenance.get("measured") or {}
    same = all(measured.get(label) == dict(how) for label, how in cell.measured.items())
    return same and set(cell.metrics) <= set(run.final)


def outdated(made: Mapping[str, Any], origins: Mapping[str, str], here: Mapping[str, Any], rerun: str) -> bool:
    """Whether what was made with the provenance `made` is to be made anew, for this value of `--rerun`.

    Args:
        made: provenance of a stored run or timing.
        origins: plugin -> its origin and source digest now.
        here: the environment now.
        rerun: a key of RERUN.
    """
    then = made.get("origins") or {}
    if rerun == "failed":  # built-in plugins have revisions, which are part of a cell's identity
        origins, then = _users(origins), _users(then)
    versions = VERSIONS if rerun == "stale" else ()
    same = origins.items() <= then.items() and all(made.get(key) == here.get(key) for key in versions)
    return rerun == "all" or not same


def _users(origins: Mapping[str, str]) -> dict[str, str]:
    """The plugins that did not ship with the program."""
    return {name: origin for name, origin in origins.items() if not origin.startswith("built in")}
