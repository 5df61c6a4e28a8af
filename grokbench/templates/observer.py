"""Example of an observer that lists replicas. Say here what your observer writes or sends, and where."""

from functools import partial
from pathlib import Path

from grokbench import Cell, Observer, Planned, Run, hookimpl


def new_name(file: str = "replicas.txt") -> Observer:
    """Write a line for every replica: task, method, seed, outcome, and epochs to grok.

    Each command writes the list anew. It starts with the replicas of earlier commands, so the list is always complete.
    """
    line = partial(write, file=file)
    return Observer(begin=partial(begin, file=file), stored=line, finished=line)


def begin(planned: Planned, *, file: str) -> None:
    """Empty the list."""
    Path(file).write_text("", encoding="utf-8")


def write(run: Run, cell: Cell, *, file: str) -> None:
    """Append a line; `grokked_at` is None for a replica that did not grok, and a failed replica has no curves."""
    with Path(file).open("a", encoding="utf-8") as lines:
        print(cell.task, cell.regularizer, run.seed, run.outcome, run.grokked_at, file=lines)


# An observer may also have `progress(progress)`, `end(leaderboard)` and `close()`; `grokbench.Observer` says when each
# is called. An observer that raises is dropped, and the run goes on.
@hookimpl
def grokbench_observers():
    yield new_name
