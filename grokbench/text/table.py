"""Plain text tables for the terminal."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

__all__ = ["table"]


def table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """Return a plain table.

    Args:
        rows: cells by column; integers get thousands separators, other cells are written by `str`.
        headers: the headers of the columns.
    """
    written = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    return tabulate(written, headers, tablefmt="simple", disable_numparse=True)
