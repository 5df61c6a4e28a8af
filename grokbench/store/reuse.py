"""The rules for reusing stored runs: which runs satisfy a request, and which runs `--rerun` trains again."""

from collections.abc import Mapping
from typing import Any

from grokbench.records import Cell, Origin, Run, origins_of, reached_end

__all__ = ["RERUN", "outdated", "satisfies"]

RERUN = {  # each value includes the previous values
    "failed": "what is missing or failed, or was made by a plugin of yours whose code has changed since",
    "stale": "also what was made with another version of torch, of grokbench or of any plugin's source",
    "all": "everything selected",
}
VERSIONS = ("torch", "grokbench")  # keys of provenance


def satisfies(run: Run, cell: Cell) -> bool:
    """Return whether a stored run satisfies the request for its cell, so that it need not be trained again.

    The run does if its training reached the end (`reached_end`), and if it has the metrics and the weights that the
    cell requests.

    Args:
        run: the run, with the final values of its metrics; its curves are not needed.
        cell: the cell as planned now, with its budget and metrics.
    """
    return reached_end(run, cell) and _holds(run, cell) and cell.weights.of(run.epochs) <= run.weights.keys()


def _holds(run: Run, cell: Cell) -> bool:
    """Return whether a run holds every metric of the cell, measured with the plugins and parameters of the cell."""
    measured = run.provenance.get("measured") or {}
    same = all(measured.get(label) == dict(how) for label, how in cell.measured.items())
    return same and set(cell.metrics) <= set(run.final)


def outdated(made: Mapping[str, Any], origins: Mapping[str, Origin], here: Mapping[str, Any], rerun: str) -> bool:
    """Return whether `--rerun` with a given value replaces a stored run or timing.

    Args:
        made: the provenance of the run or timing.
        origins: `kind.name` of a plugin -> its present origin.
        here: the present environment.
        rerun: the value of `--rerun`, a key of RERUN.
    """
    then = origins_of(made)
    if rerun == "failed":  # built-in plugins have revisions, which are part of a cell's identity
        origins = {name: origin for name, origin in origins.items() if not origin.built_in}
    versions = VERSIONS if rerun == "stale" else ()
    same = all(name in then and origin.agrees_with(then[name]) for name, origin in origins.items())
    return rerun == "all" or not (same and all(made.get(key) == here.get(key) for key in versions))
