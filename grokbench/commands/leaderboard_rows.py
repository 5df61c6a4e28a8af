"""Options that select and sort the rows of a leaderboard."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from grokbench.judging.leaderboard import Leaderboard

__all__ = ["SORTS", "row_options", "selected"]

SORTS = ("suite", "speedup", "place", "median", "mean", "p", "time", "method")  # of `judging.ordering`, slow to import
OPTIONS = (
    click.option(
        "--sort",
        type=click.Choice(SORTS),
        help="Order of a task's rows, the best first; the baseline stands on top.  [default: suite, or speedup for "
        "more than 8 methods]",
    ),
    click.option("--task", "tasks", multiple=True, metavar="LABEL", help="Show only this task; repeatable."),
    click.option(
        "--regularizer",
        "regularizers",
        multiple=True,
        metavar="LABEL",
        help="Show only this method and the baseline; repeatable.",
    ),
    click.option(
        "--top", type=click.IntRange(min=1), metavar="N", help="Show only the first N rows of a task, and the baseline."
    ),
)


def row_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add OPTIONS to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def selected(
    leaderboard: "Leaderboard",
    style: str,
    *,
    sort: str | None,
    tasks: tuple[str, ...],
    regularizers: tuple[str, ...],
    top: int | None,
) -> "Leaderboard":
    """Select and sort the rows of a leaderboard; formats for programs keep the order of the suite by default.

    Args:
        leaderboard: the leaderboard of a folder.
        style: the format in which it will be printed.
        sort: a key of SORTS, or None for the default.
        tasks: labels of tasks; empty for all.
        regularizers: labels of methods; empty for all.
        top: the most rows of a task besides the baseline's; None for all.

    Raises:
        StoreError: the leaderboard has no such task or method.
    """
    from grokbench.judging.ordering import arranged, methods

    _check("task", tasks, list(dict.fromkeys(row.task for row in leaderboard.rows)))
    _check("regularizer", regularizers, methods(leaderboard))
    if sort is None and style in ("csv", "json"):
        sort = "suite" if top is None else "speedup"
    return arranged(
        leaderboard, sort or (None if top is None else "speedup"), tasks=tasks, labels=regularizers, top=top
    )


def _check(kind: str, labels: tuple[str, ...], known: list[str]) -> None:
    from grokbench.errors import StoreError
    from grokbench.text.suggest import did_you_mean

    for label in labels:
        if label not in known:
            near = did_you_mean(label, known)
            raise StoreError(f"The leaderboard has no {kind} {label!r}; there are: {', '.join(known)}{near}")
