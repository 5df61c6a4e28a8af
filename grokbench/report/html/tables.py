"""The tables of the page: cells as text, and beside each what it is sorted by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grokbench.judging.best import best
from grokbench.judging.evidence import Evidence
from grokbench.judging.ranking import Row
from grokbench.judging.ties import ties
from grokbench.report.text.prose import begun, heading, remarks, row_notes, warnings
from grokbench.report.text.table import columns, strong
from grokbench.text.lists import listed, plural
from grokbench.text.numbers import NOTHING, figure, times

__all__ = ["Board", "Entry", "Line", "Table", "boards", "published"]

NAMED = 8  # methods that share a place: more are counted
SORTED_BY = {
    "median": "epochs_median",
    "mean": "epochs_mean",
    "Holm p": "p_holm",
    "s/epoch": "seconds_per_epoch",
    "time": "seconds_speedup",
    "published": "published_speedup",
}
PUBLISHED = {  # header -> side
    **{"task": "left", "method": "left", "epochs, published": "right", "epochs, ours": "right"},
    **{"ratio, published": "right", "ratio, ours": "right", "verdict": "left"},
}


class Entry(NamedTuple):
    """A cell of a table: its text, and the number or the word that it is sorted by; None comes last."""

    text: str
    key: Any
    strong: bool = False


@dataclass(frozen=True)
class Line:
    """A row: its method, and an entry for each header."""

    method: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Table:
    """Headers -> "left" or "right", and rows; the column `method` names the row."""

    sides: Mapping[str, str]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Board:
    """The leaderboard of one task.

    Attributes:
        title: the task and its budget.
        table: a row per method.
        remarks: sentences on what the columns do not say, ties first.
        notes: every row in words.
    """

    title: str
    table: Table
    remarks: tuple[str, ...]
    notes: tuple[str, ...]


def boards(evidence: Evidence) -> dict[str, Board]:
    """A leaderboard of each task that was begun; of all of them where nothing was."""
    shown, _ = begun(evidence.leaderboard)
    return {task: _board(evidence, task, rows) for task, rows in shown.items()}


def _board(evidence: Evidence, task: str, rows: Sequence[Row]) -> Board:
    shared, places = warnings(evidence.leaderboard), ties(evidence.comparisons, task)
    said = [(row.regularizer, remarks(row, shared)) for row in rows]
    return Board(
        heading(task, evidence.leaderboard),
        _table(evidence, rows, places),
        (*_tied(places), *(f"{method}: {'; '.join(notes)}" for method, notes in said if notes)),
        tuple(row_notes(row, shared) for row in rows),
    )


def _table(evidence: Evidence, rows: Sequence[Row], places: Mapping[str, int]) -> Table:
    text, bold = columns(rows, evidence.leaderboard), best(rows, evidence.manifest.statistics)
    marked, lines = strong(text.headers), []
    for row, cells in zip(rows, text.cells, strict=True):
        place = places.get(row.regularizer)
        entries = [Entry(NOTHING if place is None else str(place), place)]
        for i, (header, cell) in enumerate(zip(text.headers, cells, strict=True)):
            entries.append(Entry(cell, _key(header, row, evidence), row in bold and i in marked))
        lines.append(Line(row.regularizer, tuple(entries)))
    return Table({"place": "left", **dict(zip(text.headers, text.align, strict=True))}, tuple(lines))


def _key(header: str, row: Row, evidence: Evidence) -> Any:
    """What a column is sorted by: methods by their order in the suite, a median beyond the budget by the budget."""
    match header:
        case "method":
            return evidence.methods.index(row.regularizer)
        case "grokked":
            return row.grokked if row.seeds else None
        case "median" if row.epochs_median is None and row.epochs_mean is not None:
            return evidence.leaderboard.budgets.get(row.task)
        case "p":
            return getattr(row, f"p_{evidence.manifest.statistics.primary}")
    return row.shown if header.startswith("speed-up") else getattr(row, SORTED_BY[header])


def _tied(places: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each place that several methods share."""
    for place in sorted(set(places.values())):
        methods = [method for method, at in places.items() if at == place]
        if len(methods) > 1:
            named = listed(methods) if len(methods) <= NAMED else plural(len(methods), "method")
            yield f"Tied for place {place}: {named}."


def published(evidence: Evidence) -> Table | None:
    """Published epochs and ratios beside ours, with a verdict, of every cell that has them; None where none has."""
    rows = [row for row in evidence.leaderboard.rows if row.published_epochs is not None]
    tasks = list(dict.fromkeys(row.task for row in rows))
    return Table(PUBLISHED, tuple(_compared(evidence, row, tasks.index(row.task)) for row in rows)) if rows else None


def _compared(evidence: Evidence, row: Row, task: int) -> Line:
    entries = (
        Entry(row.task, task),
        Entry(row.regularizer, evidence.methods.index(row.regularizer)),
        _number(row.published_epochs),
        _number(row.epochs_mean),
        Entry(times(row.published_speedup), row.published_speedup),
        Entry(times(row.speedup_of_means, row.speedup_bound), row.speedup_of_means),
        Entry(row.verdict or NOTHING, row.verdict),
    )
    return Line(row.regularizer, entries)


def _number(value: float | None) -> Entry:
    return Entry(figure(value), value)
