"""A leaderboard as a fragment of HTML for a notebook. All text is escaped, because labels and notes are users' text."""

from collections.abc import Iterable, Iterator
from html import escape

from tabulate import tabulate

from grokbench.judging.leaderboard import Leaderboard
from grokbench.report.text.over_tasks import HEADING, over_tasks, over_tasks_legend
from grokbench.report.text.prose import begun, environment_line, heading, legend, warnings
from grokbench.report.text.said_once import notes_of_methods, notes_of_task
from grokbench.report.text.table import Columns, columns, contrasts
from grokbench.text.escape import printable_lines

__all__ = ["fragment"]


def fragment(leaderboard: Leaderboard) -> str:
    """Write a `div` with a table per task and the notes of its rows; no script, and no style except alignment."""
    return "\n".join(["<div>", *_blocks(leaderboard), "</div>"]) + "\n"


def _blocks(leaderboard: Leaderboard) -> Iterator[str]:
    shared = warnings(leaderboard)
    tasks, waiting = begun(leaderboard)
    yield _element("h3", f"{leaderboard.title}: every method against {leaderboard.baseline}")
    yield _element("p", environment_line(leaderboard.environment))
    for task, rows in tasks.items():
        shown = columns(rows, leaderboard)
        yield _element("h4", heading(task, leaderboard))
        yield _table(shown)
        yield _list(notes_of_task(task, rows, leaderboard, shared))
        if more := contrasts(rows, leaderboard):
            yield _table(more)
    if means := over_tasks(leaderboard):
        yield _element("h4", HEADING)
        yield _table(means)
        yield _element("p", " ".join(over_tasks_legend(leaderboard)))
    if waiting:
        yield _element("p", waiting)
    if of_methods := notes_of_methods(leaderboard):
        yield _list(of_methods)
    if shared:
        yield _list(f"Warning: {note}" for note in shared)
    yield _element("p", " ".join(legend(leaderboard)))


def _table(shown: Columns) -> str:
    return tabulate(shown.cells, shown.headers, tablefmt="html", disable_numparse=True, colalign=shown.align)


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(_element('li', item) for item in items)}</ul>"


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{escape(printable_lines(text))}</{tag}>"
