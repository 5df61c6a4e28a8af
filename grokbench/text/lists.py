"""Lists and counts in running text."""

from collections.abc import Iterable, Sequence

__all__ = ["either", "listed", "plural", "several"]


def listed(items: Iterable[object], last: str = "and") -> str:
    """Join items as `a, b and c`; `last` is the word before the last item."""
    *before, end = [str(item) for item in items] or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def either(items: Iterable[object], last: str = "or") -> str:
    """Join the distinct items as `a, b or c`."""
    return listed(dict.fromkeys(map(str, items)), last)


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 seed`, `1,000 seeds`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def several(names: Sequence[str], noun: str) -> str:
    """Write a count of names with the names: `2 methods (a and b)`."""
    return f"{plural(len(names), noun)} ({listed(names)})"
