"""Comparisons between the methods of a task: all pairs of its cells, baseline included, and the places that follow.

The p's of a task's pairs are corrected by Holm's method over these pairs. The probability that any two methods without
a difference are found to differ is therefore at most alpha, for any number of methods.
"""

import math
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.conclusions import Conclusion, conclusion
from grokbench.judging.effects import Effect, effect
from grokbench.judging.outcomes import same_conditions
from grokbench.records import Manifest, Statistics
from grokbench.stats import holm, smallest_p

__all__ = ["MOST_INTERVALS", "Pair", "pairs", "places"]

MOST_INTERVALS = 12  # most methods of a task whose pairs have intervals; with 25 seeds, each interval takes 20 ms
NO_INTERVAL = 1.0  # a confidence that no number of seeds reaches
LOSERS: Mapping[Conclusion | None, str] = {Conclusion.FASTER: "b", Conclusion.SLOWER: "a"}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two methods of a task, compared over the planned seeds.

    Attributes:
        task: the label of the task.
        a: label of one method.
        b: label of the other method, which takes the role of the baseline.
        speedup: exp of the mean log ratio of b's time to a's; above 1, a is faster. None if neither grokked on any
            seed.
        low: lower end of the interval of `speedup` at the suite's confidence; None if the task has more than
            MOST_INTERVALS methods, or if the seeds are too few.
        high: upper end of that interval.
        bound: None, lower, upper or mixed, as in `Row.speedup_bound`.
        p: the p of the test that decides on significance.
        p_holm: `p` after Holm's correction over the pairs of the task.
        conclusion: the conclusion on a against b, such as "faster"; None without a speed-up or a p.
    """

    task: str
    a: str
    b: str
    speedup: float | None
    low: float | None
    high: float | None
    bound: str | None
    p: float | None
    p_holm: float | None
    conclusion: Conclusion | None

    def as_dict(self) -> dict[str, Any]:
        """Convert the pair to JSON data."""
        return asdict(self)


def pairs(found: Comparisons) -> tuple[Pair, ...]:
    """Compare all methods of each task with one another.

    Cells are left out if they are incomplete, or if their budget or cadence differs from that of the task's baseline.
    If the baseline is incomplete, the first complete cell takes its role. A task with more than MOST_INTERVALS methods
    is also left out if its seeds are too few to find any two methods different. There are no pairs before all seeds of
    the suite have run, because no look at pairs is declared.
    """
    if found.manifest.unfinished:
        return ()
    tasks = dict.fromkeys(each.measured.cell.task for each in found.cells)
    by_task = [_comparable(found, task) for task in tasks]
    shown = [cells for cells in by_task if len(cells) <= MOST_INTERVALS or not _hopeless(cells, found.manifest)]
    return tuple(pair for cells in shown for pair in _of_task(cells, found.manifest.statistics))


def places(found: Sequence[Pair], manifest: Manifest) -> dict[tuple[str, str], int]:
    """Compute the place of each method: 1 + the number of methods of its task that are significantly faster.

    Args:
        found: the pairs of all tasks.
        manifest: the plan, with the seeds and the suite's statistics.

    Returns:
        (task, label) -> place. Methods without a test have no place, nor have the methods of a task whose seeds are too
        few to find any two of them different.
    """
    placed: dict[tuple[str, str], int] = {}
    for task in dict.fromkeys(pair.task for pair in found):
        mine = [pair for pair in found if pair.task == task]
        tested = dict.fromkeys(label for pair in mine if pair.p is not None for label in (pair.a, pair.b))
        if not _hopeless(tested, manifest):
            slower = [loser for pair in mine for loser in _loser(pair)]
            placed |= {(task, label): 1 + slower.count(label) for label in tested}
    return placed


def _comparable(found: Comparisons, task: str) -> list[Comparison]:
    """Select the complete cells of a task with the budget and cadence of the first, one for each recipe.

    The baseline comes first.
    """
    cells = [each for each in found.cells if each.measured.cell.task == task and each.measured.complete]
    cells.sort(key=lambda each: not each.is_baseline)
    alike = [each for each in cells if same_conditions(each.measured, cells[0].measured)]
    return list({each.measured.cell.identity: each for each in reversed(alike)}.values())[::-1]


def _of_task(cells: Sequence[Comparison], statistics: Statistics) -> Iterator[Pair]:
    """Yield all pairs of cells, in their order; a baseline is `b`."""
    confidence = statistics.confidence if len(cells) <= MOST_INTERVALS else NO_INTERVAL
    compared = [(a, b, _effect(a, b, confidence, statistics.primary)) for b, a in combinations(cells, 2)]
    p_values = [each.p_deciding(statistics) for _, _, each in compared]
    for (a, b, each), p, adjusted in zip(compared, p_values, holm(p_values), strict=True):
        yield Pair(
            task=a.measured.cell.task,
            a=a.measured.cell.regularizer,
            b=b.measured.cell.regularizer,
            speedup=each.speedup,
            low=each.low,
            high=each.high,
            bound=each.bound,
            p=p,
            p_holm=adjusted,
            conclusion=conclusion(each, adjusted, statistics),
        )


def _effect(a: Comparison, b: Comparison, confidence: float, primary: str) -> Effect:
    if b.is_baseline and a.effect is not None:
        return a.effect
    return effect(b.measured, a.measured, confidence, (primary, "misses_last"))  # the tests that can decide


def _hopeless(methods: Sized, manifest: Manifest) -> bool:
    """Return whether no p can be significant after Holm's correction; False for paired t, which has no smallest p."""
    statistics, tests = manifest.statistics, math.comb(len(methods), 2)
    return statistics.primary != "paired_t" and tests * smallest_p(len(manifest.seeds)) > statistics.alpha


def _loser(pair: Pair) -> list[str]:
    """List the method of a pair that is significantly slower."""
    return [getattr(pair, LOSERS[pair.conclusion])] if pair.conclusion in LOSERS else []
