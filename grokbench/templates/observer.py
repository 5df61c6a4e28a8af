"""A list of replicas as an example: say here what your observer writes or sends, and where to."""

from functools import partial
from pathlib import Path

from grokbench import Cell, Observer, Planned, Run, hookimpl


def new_name(file: str = "replicas.txt") -> Observer:
    """Write a line for every replica: task, method, seed, how it ended, and its epochs to grok.

    The list begins anew with every command, which tells first what was done before: it is always complete.
    """
    line = partial(write, file=file)
    return Observer(begin=partial(begin, file=file), stored=line, finished=line)


def begin(planned: Planned, *, file: str) -> None:
    """An empty list."""
    Path(file).write_text("", encoding="utf-8")


def write(run: Run, cell: Cell, *, file: str) -> None:
    """One line more; `grokked_at` is None for a replica that did not grok, and a failed one has no curves."""
    with Path(file).open("a", encoding="utf-8") as lines:
        print(cell.task, cell.regularizer, run.seed, run.outcome, run.grokked_at, file=lines)


# An observer may also give `progress(progress)`, `end(leaderboard)` and `close()`; `grokbench.Observer` says when each
# is called. What it raises ends it, and never the run.
@hookimpl
def grokbench_observers():
    yield new_name
