"""Holm's correction over the family that a suite plans: its comparisons with baselines and by `compare_to`."""

from collections.abc import Sequence

from grokbench.judging.comparison import Comparisons
from grokbench.judging.effects import Effect
from grokbench.stats import holm

__all__ = ["holm_family"]


def holm_family(comparisons: Comparisons) -> tuple[list[float | None], list[list[float | None]]]:
    """Correct the primary p of every planned comparison, finished or not.

    Returns:
        The p of each cell against the baseline, in order, and for each cell those of its `others`. None for a baseline,
        for a comparison without a p, and in a suite without a correction.
    """
    cells = comparisons.cells
    tested = [i for i, each in enumerate(cells) if not each.is_baseline]
    effects = [cells[i].effect for i in tested] + [other.effect for each in cells for other in each.others]
    adjusted = iter(_adjusted(comparisons, effects))
    against_baseline: list[float | None] = [None] * len(cells)
    for i in tested:
        against_baseline[i] = next(adjusted)
    return against_baseline, [[next(adjusted) for _ in each.others] for each in cells]


def _adjusted(comparisons: Comparisons, effects: Sequence[Effect | None]) -> list[float | None]:
    statistics = comparisons.manifest.statistics
    if statistics.correction != "holm":
        return [None] * len(effects)
    return list(holm([each.p[each.deciding(statistics.primary)] if each else None for each in effects]))
