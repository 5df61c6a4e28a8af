"""Counts that a metric is given, such as how many examples of a split it looks at."""

from typing import TypeVar

Count = TypeVar("Count", int, int | None)


def at_least_one(count: Count, name: str = "examples") -> Count:
    """The number, or None for all; ValueError when there would be none."""
    if count is not None and count < 1:
        raise ValueError(f"{name} must be at least 1, got {count}")
    return count
