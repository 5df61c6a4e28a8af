"""How many examples of a split a metric looks at."""

from typing import TypeVar

Count = TypeVar("Count", int, int | None)


def some(examples: Count) -> Count:
    """The number, or None for all; ValueError when there would be none."""
    if examples is not None and examples < 1:
        raise ValueError(f"examples must be at least 1, got {examples}")
    return examples
