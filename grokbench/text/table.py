"""Plain text tables for the terminal, aligned by the width of characters on the screen."""

import unicodedata
from collections.abc import Iterable, Sequence

from grokbench.text.escape import printable

__all__ = ["GAP", "aligned", "padded", "shortened", "table", "width"]

GAP = 2  # blanks between columns
BESIDE = 2  # least blanks beside the header of a column of `table`


def table(rows: Iterable[Sequence[object]], headers: Sequence[str], sides: Sequence[str] = ()) -> str:
    """Return a plain table with a line below the headers; each row is one line, whatever its cells contain.

    Args:
        rows: cells by column; integers get thousands separators, other cells are written by `str`.
        headers: the headers of the columns.
        sides: "left" or "right" for each column; left by default.
    """
    written = [[printable(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row] for row in rows]
    widths = [max(width(header) + BESIDE, *map(width, cells)) for header, *cells in zip(headers, *written, strict=True)]
    return "\n".join(aligned([headers, ["-" * each for each in widths], *written], sides or ["left"] * len(headers)))


def aligned(lines: Sequence[Sequence[str]], sides: Sequence[str]) -> list[str]:
    """Pad the cells of lines to columns.

    Args:
        lines: the lines; each is a list of printable cells.
        sides: "left" or "right" for each column: the alignment of its cells.
    """
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return [(" " * GAP).join(map(padded, line, widths, sides)).rstrip() for line in lines]


def width(text: str) -> int:
    """Count the columns of printable text on a terminal: two for a wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def padded(cell: str, columns: int, side: str = "left") -> str:
    """Pad text with blanks.

    Args:
        cell: printable text.
        columns: columns of a terminal.
        side: "left" or "right", where the text is aligned.
    """
    blanks = " " * (columns - width(cell))
    return blanks + cell if side == "right" else cell + blanks


def shortened(label: str, longest: int) -> str:
    """Shorten a label to at most `longest` columns, in its middle, because the labels of a sweep differ at their ends.

    Args:
        label: printable text.
        longest: the largest width in columns of the terminal, at least 2.
    """
    if width(label) <= longest:
        return label
    head = (longest - 1) // 2
    return f"{_start(label, head)}…{_start(label[::-1], longest - 1 - head)[::-1]}"


def _start(text: str, columns: int) -> str:
    """Return the longest beginning of a text that takes at most the given number of columns."""
    end = 0
    while end < len(text) and (columns := columns - _columns(text[end])) >= 0:
        end += 1
    return text[:end]


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
