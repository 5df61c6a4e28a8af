"""The table at the top of the page: every speed-up of every task, coloured where it is significant."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grokbench.judging.evidence import Evidence
from grokbench.judging.marks import mark_text
from grokbench.judging.row import Row
from grokbench.report.charts.axes import log_ticks
from grokbench.report.charts.summary import FASTER, NEITHER, SLOWER, entries, shade, strongest
from grokbench.report.text.table import signs_of

__all__ = ["Box", "Glance", "Line", "glance", "recipes", "uses"]

MOST_TICKS = 7  # on the colour scale


class Box(NamedTuple):
    """A cell of the table.

    Attributes:
        text: the speed-up, or why there is none.
        said: the notes of the row, or the interval of a mean.
        key: the number by which the column is sorted; None comes last.
        colour: the colour of the cell; empty for a speed-up that is not significant.
    """

    text: str
    said: str
    key: float | None
    colour: str


@dataclass(frozen=True)
class Line:
    """A row of the table.

    Attributes:
        method: the label of its method.
        signs: the signs of another recipe and of privileges.
        boxes: a cell for each task and, if there are means over tasks, for the mean.
        uses: what the method uses that the baseline does not have.
        recipe: the differences of its recipe from the task's.
    """

    method: str
    signs: str
    boxes: tuple[Box, ...]
    uses: str
    recipe: str


@dataclass(frozen=True)
class Glance:
    """The table.

    Attributes:
        columns: the headers of the columns of speed-ups.
        lines: a row per method, without the baseline.
        scale: the colours of the scale, from the slowest to the fastest.
        ticks: label and place on the scale, in percent.
        privileged: whether a method has privileges.
        marked: whether a method has another recipe.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    scale: tuple[str, str, str]
    ticks: tuple[tuple[str, float], ...]
    privileged: bool
    marked: bool


def glance(evidence: Evidence) -> Glance | None:
    """Make the table; None if nothing was compared."""
    found = list(entries(evidence))
    if all(entry["speedup"] is None for entry in found):
        return None
    end = strongest(found)
    columns = list(dict.fromkeys(entry["task"] for entry in found))
    lines = tuple(_line(evidence, method, mine, end) for method, mine in _by_method(found).items())
    span = (1 / end, end)
    places = ((tick, 50 + 50 * math.log(tick) / math.log(end)) for tick in log_ticks(span, MOST_TICKS))
    ticks = tuple((f"{tick:g}x", round(place, 1)) for tick, place in places)
    return Glance(
        tuple(columns),
        lines,
        (SLOWER, NEITHER, FASTER),
        ticks,
        any(line.uses for line in lines),
        any(line.recipe for line in lines),
    )


def _by_method(found: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for entry in found:
        grouped.setdefault(entry["method"], []).append(entry)
    return grouped


def _line(evidence: Evidence, method: str, mine: Sequence[dict[str, Any]], end: float) -> Line:
    rows = [row for row in evidence.leaderboard.rows if row.regularizer == method]
    boxes = tuple(
        Box(entry["text"], entry["said"], entry["speedup"], shade(entry["speedup"], end) if entry["coloured"] else "")
        for entry in mine
    )
    signs = "".join(dict.fromkeys(sign for row in rows for sign in signs_of(row)))
    return Line(method, signs, boxes, _over_rows(rows, uses), _over_rows(rows, recipes))


def _over_rows(rows: Sequence[Row], of: Callable[[Row], str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, map(of, rows))))


def uses(row: Row) -> str:
    """Write what a row's method uses that the baseline does not have."""
    return ", ".join(row.privileges)


def recipes(row: Row) -> str:
    """Write the differences of a row's recipe from the task's."""
    return ", ".join(map(mark_text, row.marks))
