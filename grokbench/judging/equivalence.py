"""Equivalence with the baseline: two one-sided tests that a speed-up lies within a margin declared in the suite."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grokbench import stats
from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.holm import Correction, Judgement
from grokbench.judging.note import Kind, Note, info
from grokbench.records import Manifest, Statistics

__all__ = ["Equivalence", "equivalences"]

CADENCES = 2  # a margin must be at least this many evaluation intervals, divided by the shorter median


@dataclass(frozen=True)
class Equivalence:
    """The result of the two one-sided tests for one cell.

    Attributes:
        p: the larger of the two p's. None: not tested.
        adjusted: `p` after the suite's correction over the family of comparisons. None: not tested.
        note: a note that states the result.
    """

    p: float | None
    adjusted: float | None
    note: Note


def equivalences(found: Comparisons, corrected: Correction) -> list[Equivalence | None]:
    """Test every cell of a folder; None for the baseline and its copies, and if the suite declares no margin.

    A cell is not tested if some seeds have not run yet, if a seed did not grok, or if the margin is too small for the
    cadence of the evaluations. The p is corrected over the family of the comparison with the baseline.

    Args:
        found: the comparisons of the folder.
        corrected: the corrected p's of these comparisons, with their families.
    """
    statistics, judged = found.manifest.statistics, corrected.rows
    if statistics.equivalence is None:
        return [None] * len(found.cells)
    obstacles = [_obstacle(each, found.manifest) for each in found.cells]
    p = [None if why else _p(each, statistics.equivalence) for each, why in zip(found.cells, obstacles, strict=True)]
    adjusted = [_adjusted(i, p, judged, statistics) for i in range(len(p))]
    results = [_result(*each, statistics) for each in zip(p, adjusted, obstacles, strict=True)]
    return [each if mine and mine.family else None for each, mine in zip(results, judged, strict=True)]


def _adjusted(
    i: int, p: Sequence[float | None], judged: Sequence[Judgement | None], statistics: Statistics
) -> float | None:
    """Correct a p over its family; a comparison of the family without a p here counts as a p of 1."""
    mine = judged[i]
    if mine is None or mine.family is None:
        return None
    family = [each for each, other in zip(p, judged, strict=True) if other and other.family == mine.family]
    place = sum(1 for other in judged[:i] if other and other.family == mine.family)
    absent: list[float | None] = [None] * max(mine.tests - len(family), 0)
    return stats.holm([*family, *absent])[place] if statistics.correction == "holm" else p[i]


def _p(each: Comparison, margin: float) -> float | None:
    return stats.equivalence(*each.effect.both, math.log1p(margin)) if each.effect else None


def _obstacle(each: Comparison, manifest: Manifest) -> str | None:
    """Return why a cell cannot be tested; None if it can."""
    margin = manifest.statistics.equivalence or 0.0
    if each.effect is None or each.baseline is None:
        return "there is no comparison"
    if manifest.unfinished:
        return "nothing is tested before all seeds have run"
    if any(each.effect.failures):
        return "a seed did not grok"
    shortest = min(each.baseline.median() or math.inf, each.measured.median() or math.inf)
    every = each.measured.cell.evaluate_every
    if CADENCES * every > margin * shortest * (1 + 1e-9):
        intervals = f"{CADENCES} evaluation intervals of {every} epochs"
        return f"the margin {margin:.2g} is less than {intervals} in {shortest:g} epochs"
    return None


def _result(p: float | None, adjusted: float | None, obstacle: str | None, statistics: Statistics) -> Equivalence:
    deciding, name = (adjusted, "Holm p") if statistics.correction == "holm" else (p, "p")
    within = f"within {100 * (statistics.equivalence or 0):.3g}%"
    if obstacle is not None or deciding is None:
        text = f"not tested for equivalence {within}: {obstacle or 'too few seeds'}"
        return Equivalence(p, adjusted, info(Kind.EQUIVALENCE, text, None, p))
    equivalent = deciding <= statistics.alpha
    words = "equivalent to the baseline" if equivalent else "not shown to be equivalent to the baseline"
    text = f"{words} {within} ({name} = {deciding:.2g})"
    return Equivalence(p, adjusted, info(Kind.EQUIVALENCE, text, equivalent, deciding))
