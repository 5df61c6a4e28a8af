"""Which rows of a task are its significant best. A reader can check it against the numbers that are printed."""

from collections.abc import Sequence

from grokbench.judging.ranking import Row
from grokbench.records import Statistics

__all__ = ["best", "rule"]

FLATTERED = ("upper", "mixed")  # bounds of a speed-up that the method's own censored seeds raise


def best(rows: Sequence[Row], statistics: Statistics) -> list[Row]:
    """The rows of one task that are significantly faster than the baseline, and below no other such row's interval.

    There may be several, since intervals that overlap decide nothing: the paired tests between methods that the report
    makes (`ties`) may still tell them apart. There may be none; the baseline never is.
    A speed-up that censoring flatters puts no other row in the shade.
    """
    faster = [row for row in rows if _faster(row, statistics)]
    sure = [row for row in faster if row.speedup_bound not in FLATTERED]
    return [row for row in faster if not any(_above(other, row) for other in sure)]


def rule(baseline: str, statistics: Statistics) -> str:
    """The same in a sentence."""
    p = "Holm p" if statistics.correction == "holm" else "p"
    return (
        f"Bold: significantly faster than {baseline} ({p} at most {statistics.alpha:g}), and no other such method's "
        f"interval of the task lies above its own."
    )


def _faster(row: Row, statistics: Statistics) -> bool:
    """By the primary test, where both ratios point the same way: a test of epochs need not agree with one of logs."""
    ratios = (row.speedup, row.speedup_of_means)
    return row.significant(statistics) and all(ratio is not None and ratio > 1 for ratio in ratios)


def _above(other: Row, row: Row) -> bool:
    """Whether its interval lies above another's; unknown ends decide nothing."""
    low, high = other.speedup_low, row.speedup_high
    return low is not None and high is not None and low > high
