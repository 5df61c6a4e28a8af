"""The score of a trial: the seeds that grokked, the epochs to grok, and the cost of the trial."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grokbench.judging.outcomes import Measured
from grokbench.records import Cell, Run

__all__ = ["Score", "ranking", "score"]


@dataclass(frozen=True)
class Score:
    """The result of a trial of one method on one task.

    Attributes:
        grokked: the number of seeds that grokked within the budget.
        seeds: the number of seeds of the trial.
        epochs: exp of the mean log epochs to grok over the seeds; a seed that did not grok counts with the budget.
        failed: the number of replicas that failed or are missing; they count as seeds that did not grok.
        replicas: the number of replicas that were trained.
        trained: the sum of the epochs that these replicas were trained for.
    """

    grokked: int
    seeds: int
    epochs: float
    failed: int = 0
    replicas: int = 0
    trained: int = 0


def score(cell: Cell, runs: Sequence[Run], seeds: int, rank_by: str = "first") -> Score:
    """Compute the score of a trial from the times that the leaderboard ranks by.

    Args:
        cell: the cell of the trial.
        runs: the stored replicas of the trial.
        seeds: the number of planned seeds.
        rank_by: the crossing that counts as a seed's time to grok, see `Statistics`.
    """
    measured = Measured(cell, tuple(runs), rank_by=rank_by)
    lost = seeds - len(measured.finished)
    logs = [*map(math.log, measured.ratio_times), *[math.log(cell.budget)] * lost]
    return Score(
        grokked=sum(measured.grokked),
        seeds=seeds,
        epochs=math.exp(math.fsum(logs) / seeds),
        failed=lost,
        replicas=len(runs),
        trained=sum(run.epochs for run in runs),
    )


def ranking(scores: Sequence[Score]) -> list[int]:
    """Return the indices of scores, best first: by more grokked seeds, then by fewer epochs, then by lower index."""
    return sorted(range(len(scores)), key=lambda i: (-scores[i].grokked, scores[i].epochs, i))
