"""The key `weights` of a suite or a task, read into the epochs after which weights are kept."""

from collections.abc import Mapping
from typing import Any

from grokbench.records import Snapshots

__all__ = ["read_snapshots"]


def read_snapshots(given: Any) -> Snapshots | None:
    """Read the value of `weights`, which must be free of mistakes; None if it is not given."""
    if given is None or given == "final":
        return Snapshots(final=True) if given else None
    parts = given if isinstance(given, Mapping) else {"epochs": given}
    return Snapshots(tuple(sorted(set(parts.get("epochs", ())))), parts.get("final", False))
