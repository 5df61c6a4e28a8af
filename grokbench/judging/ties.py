"""Which methods of a task are tied: groups of those that the fastest of them does not significantly beat.

The leaderboard tests every method against the baseline; a reader asks which is best. The fastest cell of a task (by
geometric mean of capped epochs, as the speed-up has it) leads the first group. With it are all that a sign flip of
paired log ratios does not tell from it at the suite's alpha, corrected by Holm over the task's other cells. What is
left makes the next group in the same way.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from grokbench.judging.comparison import Comparisons
from grokbench.judging.outcomes import Measured
from grokbench.stats import holm, sign_flip, smallest_p

__all__ = ["ties"]


def ties(found: Comparisons, task: str) -> dict[str, int]:
    """Label -> its group, from 1, of every complete cell of a task that has the budget and cadence of the first.

    Empty where there are too few seeds for the test to tell any two apart: that would tie all of them.
    """
    if smallest_p(len(found.manifest.seeds)) > found.manifest.statistics.alpha:
        return {}
    cells = [each.measured for each in found.cells if each.measured.cell.task == task and each.measured.complete]
    left = sorted((cell for cell in cells if _alike(cell, cells[0])), key=_pace)
    groups: dict[str, int] = {}
    while left:
        place = max(groups.values(), default=0) + 1
        tied = _with_the_fastest(left, found.manifest.statistics.alpha)
        groups |= {cell.cell.regularizer: place for cell in tied}
        left = [cell for cell in left if cell not in tied]
    return groups


def _with_the_fastest(cells: Sequence[Measured], alpha: float) -> list[Measured]:
    """The first, and those that it does not significantly beat."""
    fastest, *others = cells
    corrected = holm([sign_flip(_log_ratios(other, fastest)) for other in others])
    return [fastest, *(other for other, p in zip(others, corrected, strict=True) if p is None or p > alpha)]


def _log_ratios(cell: Measured, fastest: Measured) -> list[float]:
    return [math.log(a / b) for a, b in zip(cell.ratio_times, fastest.ratio_times, strict=True)]


def _pace(cell: Measured) -> float:
    return fmean(map(math.log, cell.ratio_times))


def _alike(one: Measured, other: Measured) -> bool:
    return (one.cell.budget, one.cell.evaluate_every) == (other.cell.budget, other.cell.evaluate_every)
