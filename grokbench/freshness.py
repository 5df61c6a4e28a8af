"""Which finished runs are made again all the same: the values of `--rerun`."""

from collections.abc import Mapping
from typing import Any

__all__ = ["RERUN", "outdated"]

RERUN = {  # each value trains what the one before it does, and more
    "failed": "what is missing or failed, or was made by a plugin of yours that has changed since",
    "stale": "also what another version of torch, of grokbench or of any plugin's source made",
    "all": "everything selected",
}
VERSIONS = ("torch", "grokbench")  # keys of provenance


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
