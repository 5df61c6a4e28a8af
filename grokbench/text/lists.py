"""Lists and counts in running text."""

from collections.abc import Iterable, Sequence

__all__ = ["either", "listed", "plural", "several"]


def listed(items: Iterable[object], last: str = "and") -> str:
    """Such as `a, b and c`."""
    *before, end = [str(item) for item in items] or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def either(items: Iterable[object], last: str = "or") -> str:
    """Each different one once: `a or b`."""
    return listed(dict.fromkeys(map(str, items)), last)


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def several(names: Sequence[str], noun: str) -> str:
    """Such as `2 methods (a and b)`."""
    return f"{plural(len(names), noun)} ({listed(names)})"
