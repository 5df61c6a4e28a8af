"""The tables of the page: cells as text, and beside each the number that it is sorted by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grokbench.best import best
from grokbench.columns import columns
from grokbench.evidence import Evidence
from grokbench.notes import number
from grokbench.prose import begun, heading, row_notes, warnings
from grokbench.ranking import Row
from grokbench.ties import ties

__all__ = ["Entry", "Table", "published", "tables"]

SORTED_BY = {
    "grokked": "grokked",
    "median": "epochs_median",
    "mean": "epochs_mean",
    "Holm p": "p_holm",
    "s/epoch": "seconds_per_epoch",
    "time": "seconds_speedup",
    "published": "published_speedup",
}


@dataclass(frozen=True)
class Entry:
    """A row: its cells with what they are sorted by (None last), its sentences, whether it is among the best."""

    method: str
    cells: tuple[tuple[str, Any], ...]
    notes: str
    best: bool


@dataclass(frozen=True)
class Table:
    """The leaderboard of one task."""

    task: str
    title: str
    headers: tuple[str, ...]
    entries: tuple[Entry, ...]


def tables(evidence: Evidence) -> dict[str, Table]:
    """A table of each task that was begun."""
    shown, _ = begun(evidence.leaderboard)
    return {task: _table(evidence, task, rows) for task, rows in shown.items()}


def _table(evidence: Evidence, task: str, rows: Sequence[Row]) -> Table:
    text, groups = columns(rows, evidence.leaderboard), ties(evidence.comparisons, task)
    shared, bold = warnings(evidence.leaderboard), best(rows, evidence.manifest.statistics)
    entries = []
    for row, cells in zip(rows, text.cells, strict=True):
        place = groups.get(row.regularizer)
        keys = [_key(header, row, evidence) for header in text.headers]
        sortable = [(str(place or "-"), place), *zip(cells, keys, strict=True)]
        entries.append(Entry(row.regularizer, tuple(sortable), row_notes(row, shared), row in bold))
    return Table(task, heading(task, evidence.leaderboard), ("place", *text.headers), tuple(entries))


def _key(header: str, row: Row, evidence: Evidence) -> Any:
    """What a column is sorted by."""
    if header == "method":
        return evidence.methods.index(row.regularizer)
    if header == "p":
        return getattr(row, f"p_{evidence.manifest.statistics.primary}")
    return row.speedup if header.startswith("speed-up") else getattr(row, SORTED_BY[header])


def published(evidence: Evidence) -> list[dict[str, str]]:
    """Published epochs and ratios beside ours, with a verdict, of every cell that has them."""
    rows = [row for row in evidence.leaderboard.rows if row.published_epochs is not None]
    return [
        {
            "task": row.task,
            "method": row.regularizer,
            "epochs": number(row.published_epochs or 0),
            "ours": _text(row.epochs_mean),
            "ratio": _text(row.published_speedup),
            "our ratio": _text(row.speedup_of_means),
            "verdict": row.verdict or "-",
        }
        for row in rows
    ]


def _text(value: float | None) -> str:
    return "-" if value is None else number(value)
