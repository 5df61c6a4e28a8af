"""Whole numbers that count something: epochs, evaluations, seeds."""

from typing import Any, TypeGuard

__all__ = ["is_count"]


def is_count(value: Any, least: int = 1) -> TypeGuard[int]:
    """Whether this is a whole number of at least so many; True is none, though Python takes it for 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
