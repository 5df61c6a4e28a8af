"""Ties between the methods of a task: groups that their fastest member does not significantly beat.

The leaderboard tests every method against the baseline; ties tell which methods are best. The fastest cell of a task
(by the geometric mean of capped epochs, on which the speed-up rests) leads the first group. It is joined by all cells
from which a sign-flip test on paired log ratios does not tell it at the suite's alpha, corrected by Holm over the
task's other cells. The remaining cells form the next group in the same way.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from grokbench.judging.comparison import Comparisons
from grokbench.judging.outcomes import Measured
from grokbench.stats import holm, sign_flip, smallest_p

__all__ = ["ties"]


def ties(found: Comparisons, task: str) -> dict[str, int]:
    """Group the methods of a task.

    Args:
        found: every cell of a folder.
        task: its label.

    Returns:
        label -> group, from 1, of every complete cell that has the budget and cadence of the first; empty where the
        seeds are too few for the test to tell any two methods apart, which would tie all of them, or not all of the
        suite's.
    """
    if found.manifest.unfinished or smallest_p(len(found.manifest.seeds)) > found.manifest.statistics.alpha:
        return {}
    cells = [each.measured for each in found.cells if each.measured.cell.task == task and each.measured.complete]
    left = sorted((cell for cell in cells if _alike(cell, cells[0])), key=_mean_log)
    groups: dict[str, int] = {}
    while left:
        place = max(groups.values(), default=0) + 1
        tied = _with_the_fastest(left, found.manifest.statistics.alpha)
        groups |= {cell.cell.regularizer: place for cell in tied}
        left = [cell for cell in left if cell not in tied]
    return groups


def _with_the_fastest(cells: Sequence[Measured], alpha: float) -> list[Measured]:
    """Select the first, and those that it does not significantly beat."""
    fastest, *others = cells
    corrected = holm([sign_flip(_log_ratios(other, fastest)) for other in others])
    return [fastest, *(other for other, p in zip(others, corrected, strict=True) if p is None or p > alpha)]


def _log_ratios(cell: Measured, fastest: Measured) -> list[float]:
    return [math.log(a / b) for a, b in zip(cell.ratio_times, fastest.ratio_times, strict=True)]


def _mean_log(cell: Measured) -> float:
    return fmean(map(math.log, cell.ratio_times))


def _alike(one: Measured, other: Measured) -> bool:
    return (one.cell.budget, one.cell.evaluate_every) == (other.cell.budget, other.cell.evaluate_every)
