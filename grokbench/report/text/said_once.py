"""The notes below the tables of a large leaderboard: each remark once, with the methods that it concerns.

A leaderboard of at most LARGE methods has a line of notes for each row instead, see `prose.row_notes`.
"""

from collections.abc import Callable, Iterator, Sequence

from grokbench.judging.conclusions import Conclusion
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.marks import mark_text
from grokbench.judging.note import Kind, Note
from grokbench.judging.ordering import is_large
from grokbench.judging.row import Row
from grokbench.report.text.prose import remarks, row_notes, task_notes
from grokbench.text.lists import listed
from grokbench.text.numbers import ends

__all__ = ["footnotes", "notes_of_methods", "notes_of_task"]

Value = Callable[[Note], str]

OF_METHOD = (Kind.RECIPE, Kind.PRIVILEGES)  # said once for all tasks
SENTENCES: dict[Kind, tuple[str, Value]] = {  # kind -> a sentence for all its rows, and what differs from row to row
    Kind.SOME_GROKKED: (
        "not every seed grokked; where the speed-up is an upper bound, it flatters the method",
        lambda note: f"{note.facts[0]} of {note.facts[1]}",
    ),
    Kind.NONE_GROKKED: ("no seed grokked", lambda note: ""),
    Kind.DIVERGED: ("seeds diverged (non-finite), and count as the budget", lambda note: str(note.facts[0])),
    Kind.SKEWED: (
        "the log ratios are skewed: the interval misses more often on one side",
        lambda note: f"{note.facts[0]:.1f}",
    ),
    Kind.BELOW_AGAIN: (
        "after grokking, seeds were below the criterion again",
        lambda note: f"{note.facts[0]} of {note.facts[1]}",
    ),
    Kind.LOST: (
        "seeds lost their grokking, by more than chance explains",
        lambda note: f"{note.facts[0]} of {note.facts[1]}",
    ),
}


def notes_of_task(task: str, rows: Sequence[Row], leaderboard: Leaderboard, shared: tuple[Note, ...]) -> list[str]:
    """List the lines of notes below the table of a task.

    Args:
        task: the label of the task.
        rows: the rows of its table.
        leaderboard: the leaderboard; its number of methods decides whether notes are joined over rows.
        shared: notes that are shown once for all tasks.
    """
    lines = task_notes(task, leaderboard)
    if not is_large(leaderboard):
        return [*lines, *(row_notes(row, shared) for row in rows)]
    return [*lines, *_joined(rows, shared)]


def _joined(rows: Sequence[Row], shared: tuple[Note, ...]) -> Iterator[str]:
    """Yield a line for each sentence, with the methods that it concerns."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for note in _told(row, shared):
            if note.kind not in OF_METHOD:
                sentence, value = _said(note)
                found.setdefault(sentence, []).append(f"{row.regularizer} ({value})" if value else row.regularizer)
    yield from (f"{sentence}: {', '.join(labels)}" for sentence, labels in found.items())


def _told(row: Row, shared: tuple[Note, ...]) -> Iterator[Note]:
    """Yield the notes of a row in a large leaderboard, except on failures of a slower method: two columns show them."""
    for note in remarks(row, shared):
        if note.kind is not Kind.FAILURES or note.facts[0] is not Conclusion.SLOWER:
            yield note


def footnotes(row: Row, shared: tuple[Note, ...], large: bool) -> list[str]:
    """List the footnotes of a row; in a large leaderboard, those of several rows are the same sentence.

    Args:
        row: the row.
        shared: notes that are shown once for all tasks.
        large: whether the leaderboard is large.
    """
    if not large:
        return [note.text for note in remarks(row, shared)]
    return [note.text if note.kind in OF_METHOD else _said(note)[0] for note in _told(row, shared)]


def _said(note: Note) -> tuple[str, str]:
    """Return the sentence of a note for all rows, and what is particular to one row."""
    if note.kind is Kind.SIMULTANEOUS:
        low, high, tests, significant = note.facts
        verb, but = ("includes", "significant") if significant else ("excludes", "not significant")
        sentence = f"the simultaneous interval (Bonferroni over {tests}) {verb} 1, though the corrected p is {but}"
        return sentence, ends(low, high) if isinstance(low, float) and isinstance(high, float) else ""
    sentence, value = SENTENCES.get(note.kind, (note.text, lambda note: ""))
    return sentence, value(note)


def notes_of_methods(leaderboard: Leaderboard) -> list[str]:
    """List the recipes and the privileges of a large leaderboard's methods; nothing for a small one.

    The sign before each line is that in the tables, see `table.columns`.
    """
    if not is_large(leaderboard):
        return []
    recipes = _by_content(leaderboard, lambda row: ", ".join(map(mark_text, row.marks)))
    privileges = _by_content(leaderboard, lambda row: listed(row.privileges) if row.privileges else "")
    lines = [f"*: another recipe than the task's own: {recipes}"] if recipes else []
    return [*lines, f"+: uses what the baseline does not have: {privileges}"] if privileges else lines


def _by_content(leaderboard: Leaderboard, content: Callable[[Row], str]) -> str:
    """Write each content with its methods; a method whose content differs between tasks has its tasks beside it."""
    tasks: dict[str, dict[str, list[str]]] = {}
    for row in leaderboard.rows:
        if row.seeds:
            tasks.setdefault(row.regularizer, {}).setdefault(content(row), []).append(row.task)
    found: dict[str, list[str]] = {}
    for label, contents in tasks.items():
        for text, where in contents.items():
            named = label if len(contents) == 1 else f"{label} on {listed(where)}"
            found.setdefault(text, []).append(named)
    return "; ".join(f"{', '.join(labels)} ({text})" for text, labels in found.items() if text)
