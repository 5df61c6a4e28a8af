"""The tables of the page. Each cell is a text with a value by which rows are sorted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grokbench.judging.best import best
from grokbench.judging.evidence import Evidence
from grokbench.judging.note import Note
from grokbench.judging.ordering import arranged, is_large
from grokbench.judging.row import Row
from grokbench.report.html.matrix import Matrix, matrix
from grokbench.report.text.over_tasks import over_tasks, shown_aggregates
from grokbench.report.text.prose import begun, heading, remarks, row_notes, task_notes, warnings
from grokbench.report.text.said_once import notes_of_task
from grokbench.report.text.table import Columns, Key, columns, contrasts, mean_text
from grokbench.text.numbers import NOTHING, figure, interval

__all__ = ["Board", "Entry", "Line", "Table", "boards", "means", "published"]

SORTED_BY = {  # column -> attribute of a row
    Key.PLACE: "place",
    Key.MEDIAN: "epochs_median",
    Key.MEAN: "epochs_mean",
    Key.LASTING: "lasting_median",
    Key.SPEEDUP: "shown",
    Key.SECONDS_PER_EPOCH: "seconds_per_epoch",
    Key.TIME: "seconds_shown",
    Key.PUBLISHED: "published_speedup",
}
FIRST = (Key.METHOD, Key.SPEEDUP, Key.P_HOLM, Key.PLACE, Key.GROKKED)  # the first columns, which a phone shows
PUBLISHED = {  # header -> side
    **{"task": "left", "method": "left", "epochs, published": "right", "epochs, ours": "right"},
    **{"ratio, published": "right", "ratio, ours": "right", "verdict": "left"},
}


class Entry(NamedTuple):
    """A cell of a table.

    Attributes:
        text: the text that readers see.
        key: the number or word by which rows are sorted; None comes last.
        strong: whether the text is bold.
        names_row: whether the text is the label of the row's method.
    """

    text: str
    key: Any
    strong: bool = False
    names_row: bool = False


@dataclass(frozen=True)
class Line:
    """A row of a table.

    Attributes:
        method: the label of its method.
        entries: the cells, one for each column.
    """

    method: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Table:
    """A table that a reader can sort.

    Attributes:
        sides: header of each column -> "left" or "right".
        lines: the rows.
    """

    sides: Mapping[str, str]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Board:
    """The leaderboard of one task.

    Attributes:
        title: the task and its budget.
        table: a table with a row per method.
        remarks: sentences on what the columns do not show.
        notes: a paragraph per row, with all of its notes.
        contrasts: the comparisons with rows other than the baseline; None if there are none.
        matrix: the comparisons of the methods with one another; None if there are none, or too many to show.
    """

    title: str
    table: Table
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    contrasts: Table | None = None
    matrix: Matrix | None = None


def boards(evidence: Evidence) -> dict[str, Board]:
    """Make a leaderboard for each task with a replica that has run, or for all tasks if none has run."""
    shown, _ = begun(arranged(evidence.leaderboard))
    return {task: _board(evidence, task, rows) for task, rows in shown.items()}


def _board(evidence: Evidence, task: str, rows: Sequence[Row]) -> Board:
    shared = warnings(evidence.leaderboard)
    of_task = task_notes(task, evidence.leaderboard)
    return Board(
        heading(task, evidence.leaderboard),
        _table(evidence, rows),
        _remarks(evidence, task, rows, shared),
        (*of_task, *(row_notes(row, shared) for row in rows)),
        _contrasts(evidence, rows),
        matrix([pair for pair in evidence.leaderboard.pairs if pair.task == task], evidence.methods),
    )


def _remarks(evidence: Evidence, task: str, rows: Sequence[Row], shared: tuple[Note, ...]) -> tuple[str, ...]:
    """Write what the columns do not show: a line for each row, or in a large leaderboard for each remark."""
    if is_large(evidence.leaderboard):
        return tuple(notes_of_task(task, rows, evidence.leaderboard, shared))
    said = [(row.regularizer, [note.text for note in remarks(row, shared)]) for row in rows]
    lines = (f"{method}: {'; '.join(notes)}" for method, notes in said if notes)
    return (*task_notes(task, evidence.leaderboard), *lines)


def _contrasts(evidence: Evidence, rows: Sequence[Row]) -> Table | None:
    """Make the table of the comparisons with rows other than the baseline."""
    text = contrasts(rows, evidence.leaderboard)
    if text is None:
        return None
    found = [(row.regularizer, each) for row in rows for each in row.comparisons]
    statistics, lines = evidence.manifest.statistics, []
    for (label, each), cells in zip(found, text.cells, strict=True):
        order = map(evidence.methods.index, (label, each.other))
        keys = (*order, each.shown, each.p, *([each.deciding_p(statistics)] if statistics.adjusts else []))
        entries = [Entry(cell, key, False, i == 0) for i, (cell, key) in enumerate(zip(cells, keys, strict=True))]
        lines.append(Line(label, tuple(entries)))
    return Table(dict(zip(text.headers, text.align, strict=True)), tuple(lines))


def _table(evidence: Evidence, rows: Sequence[Row]) -> Table:
    text, bold = _speedup_first(columns(rows, evidence.leaderboard)), best(rows)
    lines = []
    for row, cells in zip(rows, text.cells, strict=True):
        entries = []
        for head, cell in zip(text.heads, cells, strict=True):
            key = None if head.key is None else _sorted_by(head.key, row, evidence)
            entries.append(Entry(cell, key, row in bold and head.strong, head.key == Key.METHOD))
        lines.append(Line(row.regularizer, tuple(entries)))
    return Table(dict(zip(text.headers, text.align, strict=True)), tuple(lines))


def _speedup_first(text: Columns) -> Columns:
    """Reorder the columns so that a narrow screen shows the speed-up."""
    keys = [head.key for head in text.heads]
    order = sorted(range(len(keys)), key=lambda i: FIRST.index(keys[i]) if keys[i] in FIRST else len(FIRST))
    cells = tuple(tuple(row[i] for i in order) for row in text.cells)
    return Columns(tuple(text.heads[i] for i in order), cells)


def _sorted_by(column: Key, row: Row, evidence: Evidence) -> Any:
    """Return the sort key of a cell: the order in the suite for a method, the budget for a median beyond the budget."""
    match column:
        case Key.METHOD:
            return evidence.methods.index(row.regularizer)
        case Key.GROKKED:
            return row.grokked if row.seeds else None
        case Key.MEDIAN if row.epochs_median_low is not None:
            return row.epochs_median_low
        case Key.MEDIAN if row.epochs_median is None and row.epochs_mean is not None:
            return evidence.leaderboard.tasks[row.task].budget
        case Key.P:
            return row.p_deciding
        case Key.P_HOLM:
            return row.p(evidence.manifest.statistics)
    return getattr(row, SORTED_BY[column])


def means(evidence: Evidence) -> Table | None:
    """Make the table of the speed-ups over all tasks; None if no method has one."""
    board = arranged(evidence.leaderboard)
    text, found = over_tasks(board), shown_aggregates(board)
    if text is None:
        return None
    lines = []
    for each, cells in zip(found, text.cells, strict=True):
        keys = (evidence.methods.index(each.regularizer), len(each.tasks), each.speedup, min(each.without.values()))
        entries = [Entry(cell, key, False, i == 0) for i, (cell, key) in enumerate(zip(cells, keys, strict=True))]
        lines.append(Line(each.regularizer, tuple(entries)))
    return Table(dict(zip(text.headers, text.align, strict=True)), tuple(lines))


def published(evidence: Evidence) -> Table | None:
    """Make the table of published epochs and ratios beside ours, with verdicts; None without published numbers."""
    rows = [row for row in evidence.leaderboard.rows if (row.published_epochs or row.published_speedup) is not None]
    tasks = list(dict.fromkeys(row.task for row in rows))
    return Table(PUBLISHED, tuple(_compared(evidence, row, tasks.index(row.task)) for row in rows)) if rows else None


def _compared(evidence: Evidence, row: Row, task: int) -> Line:
    entries = (
        Entry(row.task, task),
        Entry(row.regularizer, evidence.methods.index(row.regularizer), names_row=True),
        _number(row.published_epochs),
        Entry(mean_text(row), row.epochs_mean),
        Entry(
            interval(row.published_speedup, row.published_speedup_low, row.published_speedup_high),
            row.published_speedup,
        ),
        Entry(
            interval(row.speedup_of_means, row.speedup_of_means_low, row.speedup_of_means_high, row.speedup_bound),
            row.speedup_of_means,
        ),
        Entry(row.verdict.value if row.verdict else NOTHING, row.verdict),
    )
    return Line(row.regularizer, entries)


def _number(value: float | None) -> Entry:
    return Entry(figure(value), value)
