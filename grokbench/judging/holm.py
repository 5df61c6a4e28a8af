"""Holm's correction over the family that a suite plans: every cell but the baselines, finished or not."""

from grokbench.judging.comparison import Comparisons
from grokbench.stats import holm

__all__ = ["holm_adjusted"]


def holm_adjusted(comparisons: Comparisons) -> list[float | None]:
    """Correct the primary p of every cell.

    Returns:
        A p for each cell, in order; None for a baseline, for a cell without a p, and in a suite without a correction.
    """
    statistics = comparisons.manifest.statistics
    family = [i for i, each in enumerate(comparisons.cells) if not each.is_baseline]
    effects = [comparisons.cells[i].effect for i in family]
    found: list[float | None] = [None] * len(comparisons.cells)
    if statistics.correction == "holm":
        for i, p in zip(family, holm([e.p[statistics.primary] if e else None for e in effects]), strict=True):
            found[i] = p
    return found
