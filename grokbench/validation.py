"""Validation of whole numbers: counts of epochs, evaluations and seeds."""

from typing import Any, TypeGuard

__all__ = ["is_count"]


def is_count(value: Any, least: int = 1) -> TypeGuard[int]:
    """Return whether a value is a whole number that is large enough.

    Args:
        value: of any type; a bool is not a number here, although Python's bool is an int.
        least: the smallest count.
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
