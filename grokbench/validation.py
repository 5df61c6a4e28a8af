"""Validation of whole numbers: counts of epochs, evaluations and seeds."""

from typing import Any, TypeGuard

__all__ = ["is_count"]


def is_count(value: Any, least: int = 1) -> TypeGuard[int]:
    """Return whether a value is an int of at least `least`; a bool does not count, although Python's bool is an int."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
