"""Lists in running text, and what is said of a cell in more than one place."""

from collections.abc import Iterable, Sequence

from grokbench.records import Cell

__all__ = ["criterion", "either", "listed", "plural", "several"]


def listed(items: Iterable[object], last: str = "and") -> str:
    """Such as `a, b and c`."""
    *before, end = [str(item) for item in items] or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def criterion(cell: Cell) -> str:
    """When a replica counts as grokked; nothing where that is not recorded."""
    return " and ".join(f"{label} {condition}" for label, condition in (cell.recipe.get("grokked") or {}).items())


def either(items: Iterable[object], last: str = "or") -> str:
    """Each different one once: `a or b`."""
    return listed(dict.fromkeys(map(str, items)), last)


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def several(names: Sequence[str], noun: str) -> str:
    """Such as `2 methods (a and b)`."""
    return f"{plural(len(names), noun)} ({listed(names)})"
