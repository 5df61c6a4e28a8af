"""The fastest methods of each task, with what they use and how their recipe differs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grokbench.judging.conclusions import Conclusion
from grokbench.judging.evidence import Evidence
from grokbench.judging.ordering import ordered
from grokbench.judging.row import Row
from grokbench.report.html.glance import recipes, uses
from grokbench.report.text.table import signs_of, speedup_text
from grokbench.text.numbers import NOTHING

__all__ = ["Fast", "fastest"]

MOST = 3  # most methods of equal place that are named for a task
NONE = "none is significantly faster than the baseline"


@dataclass(frozen=True)
class Fast:
    """One method in the table of the fastest.

    Attributes:
        task: the label of the task.
        method: the label of the method; empty if no method is significantly faster than the baseline.
        signs: the signs of another recipe and of privileges.
        rank: the reason why the method is named: "fastest", "tied" or "fastest without privileges".
        speedup: the speed-up with its interval.
        grokked: the seeds that grokked.
        uses: what the method uses that the baseline does not have.
        recipe: the differences of its recipe from the task's.
    """

    task: str
    method: str
    rank: str
    signs: str = ""
    speedup: str = NOTHING
    grokked: str = NOTHING
    uses: str = ""
    recipe: str = ""


def fastest(evidence: Evidence) -> list[Fast]:
    """List the fastest methods of every task that has begun; empty if no method has a speed-up."""
    if all(row.shown is None for row in evidence.leaderboard.rows):
        return []
    return [each for task in evidence.tasks for each in _of_task(evidence, task)]


def _of_task(evidence: Evidence, task: str) -> Iterator[Fast]:
    """Yield the leader and those of equal place; if all of them have privileges, also the fastest one without any."""
    rows = ordered(evidence.rows(task), evidence.manifest.baseline, "speedup")
    faster = [row for row in rows if row.conclusion is Conclusion.FASTER]
    if not faster:
        yield Fast(task, "", NONE)
        return
    leader, *others = faster
    tied = [row for row in others if row.place is not None and row.place == leader.place]
    yield _fast(leader, "fastest")
    for row in tied[: MOST - 1]:
        yield _fast(row, "tied")
    yield from _unprivileged(faster, [leader, *tied])


def _unprivileged(faster: Sequence[Row], leaders: Sequence[Row]) -> Iterator[Fast]:
    if all(row.privileges for row in leaders):
        yield from (_fast(row, "fastest without privileges") for row in [r for r in faster if not r.privileges][:1])


def _fast(row: Row, rank: str) -> Fast:
    grokked = f"{row.grokked}/{row.seeds}"
    return Fast(row.task, row.regularizer, rank, signs_of(row), speedup_text(row), grokked, uses(row), recipes(row))
