"""The parts of a page that are made by a command: tables, and the text between two marks."""

from collections.abc import Iterable, Sequence

__all__ = ["between_marks", "cells", "table"]

END = "<!-- end -->"


def cells(texts: Iterable[str]) -> str:
    """Write a line of a table."""
    return f"| {' | '.join(text.replace('|', '/') for text in texts)} |"


def table(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table; the first head may be empty."""
    return "\n".join([cells(heads), f"|{'---|' * len(heads)}", *map(cells, rows)])


def between_marks(page: str, made: str, module: str) -> str:
    """Return a page with the part between its marks replaced.

    Args:
        page: the whole page.
        made: the new part.
        module: the module that makes the part; the first mark names it.
    """
    begin = f"<!-- made by python -m {module} -->"
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{made}\n\n{END}{rest.partition(END)[2]}"
