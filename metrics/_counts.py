"""Check of those parameters of a metric that are counts, such as the number of examples to measure."""

from typing import TypeVar

Count = TypeVar("Count", int, int | None)


def at_least_one(count: Count, name: str = "examples") -> Count:
    """Return the count, a number or None for all; ValueError if it is below 1."""
    if count is not None and count < 1:
        raise ValueError(f"{name} must be at least 1, got {count}")
    return count
