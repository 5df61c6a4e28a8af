"""The tables of the page: cells as text, each with the value by which it is sorted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grokbench.judging.best import best
from grokbench.judging.evidence import Evidence
from grokbench.judging.row import Row
from grokbench.judging.ties import ties
from grokbench.report.text.prose import begun, heading, remarks, row_notes, warnings
from grokbench.report.text.table import Key, columns, contrasts, mean_text
from grokbench.text.lists import listed, plural
from grokbench.text.numbers import NOTHING, figure, times

__all__ = ["Board", "Entry", "Line", "Table", "boards", "published"]

NAMED = 8  # methods that share a place and are named; more are counted
SORTED_BY = {  # column -> attribute of a row
    Key.MEDIAN: "epochs_median",
    Key.MEAN: "epochs_mean",
    Key.LASTING: "lasting_median",
    Key.SPEEDUP: "shown",
    Key.P_HOLM: "p_holm",
    Key.SECONDS_PER_EPOCH: "seconds_per_epoch",
    Key.TIME: "seconds_speedup",
    Key.PUBLISHED: "published_speedup",
}
PUBLISHED = {  # header -> side
    **{"task": "left", "method": "left", "epochs, published": "right", "epochs, ours": "right"},
    **{"ratio, published": "right", "ratio, ours": "right", "verdict": "left"},
}


class Entry(NamedTuple):
    """A cell of a table.

    Attributes:
        text: shown to readers.
        key: the number or the word by which it is sorted; None comes last.
        strong: whether it is bold.
        names_row: whether it holds the label of the row's method.
    """

    text: str
    key: Any
    strong: bool = False
    names_row: bool = False


@dataclass(frozen=True)
class Line:
    """A row.

    Attributes:
        method: the label of its method.
        entries: one for each column.
    """

    method: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Table:
    """A table that a reader can sort.

    Attributes:
        sides: header of each column -> "left" or "right".
        lines: its rows.
    """

    sides: Mapping[str, str]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Board:
    """The leaderboard of one task.

    Attributes:
        title: the task and its budget.
        table: a row per method.
        remarks: sentences on what the columns do not show, ties first.
        notes: a paragraph per row with all of its notes.
        contrasts: comparisons with other rows than the baseline; None without any.
    """

    title: str
    table: Table
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    contrasts: Table | None = None


def boards(evidence: Evidence) -> dict[str, Board]:
    """Make a leaderboard of each task of which a replica has run; of all tasks where none has."""
    shown, _ = begun(evidence.leaderboard)
    return {task: _board(evidence, task, rows) for task, rows in shown.items()}


def _board(evidence: Evidence, task: str, rows: Sequence[Row]) -> Board:
    shared, places = warnings(evidence.leaderboard), ties(evidence.comparisons, task)
    said = [(row.regularizer, [note.text for note in remarks(row, shared)]) for row in rows]
    return Board(
        heading(task, evidence.leaderboard),
        _table(evidence, rows, places),
        (*_tied(places), *(f"{method}: {'; '.join(notes)}" for method, notes in said if notes)),
        tuple(row_notes(row, shared) for row in rows),
        _contrasts(evidence, rows),
    )


def _contrasts(evidence: Evidence, rows: Sequence[Row]) -> Table | None:
    """Make the table of the comparisons with other rows than the baseline."""
    text = contrasts(rows, evidence.leaderboard)
    if text is None:
        return None
    found = [(row.regularizer, each) for row in rows for each in row.comparisons]
    lines = []
    for (label, each), cells in zip(found, text.cells, strict=True):
        order = map(evidence.methods.index, (label, each.other))
        keys = (*order, each.speedup, each.p, each.p_holm)
        entries = [Entry(cell, key, False, i == 0) for i, (cell, key) in enumerate(zip(cells, keys, strict=False))]
        lines.append(Line(label, tuple(entries)))
    return Table(dict(zip(text.headers, text.align, strict=True)), tuple(lines))


def _table(evidence: Evidence, rows: Sequence[Row], places: Mapping[str, int]) -> Table:
    text, bold = columns(rows, evidence.leaderboard), best(rows, evidence.manifest.statistics)
    lines = []
    for row, cells in zip(rows, text.cells, strict=True):
        place = places.get(row.regularizer)
        entries = [Entry(NOTHING if place is None else str(place), place)]
        for head, cell in zip(text.heads, cells, strict=True):
            key = None if head.key is None else _sorted_by(head.key, row, evidence)
            entries.append(Entry(cell, key, row in bold and head.strong, head.key == Key.METHOD))
        lines.append(Line(row.regularizer, tuple(entries)))
    return Table({"place": "left", **dict(zip(text.headers, text.align, strict=True))}, tuple(lines))


def _sorted_by(column: Key, row: Row, evidence: Evidence) -> Any:
    """Give the sort key of a cell: methods by their order in the suite, a median beyond the budget by the budget."""
    match column:
        case Key.METHOD:
            return evidence.methods.index(row.regularizer)
        case Key.GROKKED:
            return row.grokked if row.seeds else None
        case Key.MEDIAN if row.epochs_median_low is not None:
            return row.epochs_median_low
        case Key.MEDIAN if row.epochs_median is None and row.epochs_mean is not None:
            return evidence.leaderboard.budgets.get(row.task)
        case Key.P:
            return getattr(row, f"p_{evidence.manifest.statistics.primary}")
    return getattr(row, SORTED_BY[column])


def _tied(places: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each place that several methods share."""
    for place in sorted(set(places.values())):
        methods = [method for method, at in places.items() if at == place]
        if len(methods) > 1:
            named = listed(methods) if len(methods) <= NAMED else plural(len(methods), "method")
            yield f"Tied for place {place}: {named}."


def published(evidence: Evidence) -> Table | None:
    """Set published epochs and ratios beside ours, with a verdict; None where no cell has published numbers."""
    rows = [row for row in evidence.leaderboard.rows if row.published_epochs is not None]
    tasks = list(dict.fromkeys(row.task for row in rows))
    return Table(PUBLISHED, tuple(_compared(evidence, row, tasks.index(row.task)) for row in rows)) if rows else None


def _compared(evidence: Evidence, row: Row, task: int) -> Line:
    entries = (
        Entry(row.task, task),
        Entry(row.regularizer, evidence.methods.index(row.regularizer), names_row=True),
        _number(row.published_epochs),
        Entry(mean_text(row), row.epochs_mean),
        Entry(times(row.published_speedup), row.published_speedup),
        Entry(times(row.speedup_of_means, row.speedup_bound), row.speedup_of_means),
        Entry(row.verdict or NOTHING, row.verdict),
    )
    return Line(row.regularizer, entries)


def _number(value: float | None) -> Entry:
    return Entry(figure(value), value)
