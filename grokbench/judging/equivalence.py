"""Equivalence with the baseline: two one-sided tests that a speed-up lies within a margin declared in the suite."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from grokbench import stats
from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.note import Kind, Note, info
from grokbench.records import Statistics

__all__ = ["Equivalence", "equivalences"]

CADENCES = 2  # a margin is at least so many evaluation intervals, as shares of the shorter median


@dataclass(frozen=True)
class Equivalence:
    """The result of the two one-sided tests for one cell.

    Attributes:
        p: the larger of the two p's. None: not tested.
        adjusted: that p after the suite's correction over all planned comparisons with a baseline.
        note: what follows.
    """

    p: float | None
    adjusted: float | None
    note: Note


def equivalences(found: Comparisons) -> list[Equivalence | None]:
    """Test every cell of a folder; None for the baseline, and in a suite that declares no margin.

    Nothing is tested where a seed did not grok, or where the margin is finer than the evaluations.
    """
    statistics = found.manifest.statistics
    if statistics.equivalence is None:
        return [None] * len(found.cells)
    tested = [each for each in found.cells if not each.is_baseline]
    obstacles = [_obstacle(each, statistics.equivalence) for each in tested]
    pairs = zip(tested, obstacles, strict=True)
    p = [None if why_not else _p(each, statistics.equivalence) for each, why_not in pairs]
    adjusted = stats.holm(p) if statistics.correction == "holm" else p
    results = (_result(*each, statistics) for each in zip(p, adjusted, obstacles, strict=True))
    return [None if each.is_baseline else next(results) for each in found.cells]


def _p(each: Comparison, margin: float) -> float | None:
    return stats.equivalence(*each.effect.both, math.log1p(margin)) if each.effect else None


def _obstacle(each: Comparison, margin: float) -> str | None:
    """Find out why a cell cannot be tested; None when it can."""
    if each.effect is None or each.baseline is None:
        return "there is no comparison"
    if not any(p is not None for p in each.effect.p.values()):
        return "nothing is tested before all seeds have run"
    if each.effect.bound is not None:
        return "a seed did not grok"
    shortest = min(each.baseline.median() or math.inf, each.measured.median() or math.inf)
    every = each.measured.cell.evaluate_every
    if CADENCES * every > margin * shortest * (1 + 1e-9):
        intervals = f"{CADENCES} evaluation intervals of {every} epochs"
        return f"the margin {margin:.2g} is less than {intervals} in {shortest:g} epochs"
    return None


def _result(p: float | None, adjusted: float | None, obstacle: str | None, statistics: Statistics) -> Equivalence:
    return Equivalence(p, adjusted, next(_notes(p, adjusted, obstacle, statistics)))


def _notes(p: float | None, adjusted: float | None, obstacle: str | None, statistics: Statistics) -> Iterator[Note]:
    deciding, within = statistics.deciding(p, adjusted), f"within {100 * (statistics.equivalence or 0):.3g}%"
    if obstacle is not None or deciding is None:
        text = f"not tested for equivalence {within}: {obstacle or 'too few seeds'}"
        yield info(Kind.EQUIVALENCE, text, None, p)
        return
    equivalent = deciding <= statistics.alpha
    words = "equivalent to the baseline" if equivalent else "not shown to be equivalent to the baseline"
    yield info(Kind.EQUIVALENCE, f"{words} {within} ({statistics.name_of_p} = {deciding:.2g})", equivalent, deciding)
