"""Lists and counts in running text."""

from collections.abc import Iterable, Sequence

__all__ = ["either", "listed", "plural", "several"]


def listed(items: Iterable[object], last: str = "and") -> str:
    """Join items as `a, b and c`.

    Args:
        items: the items, written by `str`.
        last: the word before the last item.
    """
    *before, end = [str(item) for item in items] or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def either(items: Iterable[object], last: str = "or") -> str:
    """Join the distinct items as `a, b or c`.

    Args:
        items: the items, written by `str`; each text is listed once, at its first occurrence.
        last: the word before the last item.
    """
    return listed(dict.fromkeys(map(str, items)), last)


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 seed`, `1,000 seeds`.

    Args:
        count: a whole number.
        noun: a noun in the singular; its plural must end in s.
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def several(names: Sequence[str], noun: str) -> str:
    """Write names with their count: `2 methods (a and b)`.

    Args:
        names: the names, at least one.
        noun: a noun in the singular; its plural must end in s.
    """
    return f"{plural(len(names), noun)} ({listed(names)})"
