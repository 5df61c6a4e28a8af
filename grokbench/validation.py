"""Validation of whole numbers: counts of epochs, evaluations and seeds."""

from typing import Any, TypeGuard

__all__ = ["MAX_SEED", "is_count"]

MAX_SEED = 2**31 - 1


def is_count(value: Any, least: int = 1) -> TypeGuard[int]:
    """Return whether a value is a whole number of at least `least`.

    Args:
        value: a value of any type. A bool does not count as a number, although Python's bool is an int.
        least: the smallest count.
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
