"""The significant best rows of a task, by a rule that a reader can check against the printed numbers."""

from collections.abc import Sequence

from grokbench.judging.row import Row
from grokbench.records import Statistics

__all__ = ["best", "rule"]

FLATTERED = ("upper", "mixed")  # bounds of a speed-up that the method's own censored seeds raise


def best(rows: Sequence[Row], statistics: Statistics) -> list[Row]:
    """Select the rows of one task that are significantly faster than the baseline, with no better such row.

    A row is better where its whole interval lies above the other's, unless censoring flatters its speed-up. Several
    rows may be selected, since intervals that overlap decide nothing: the paired tests between methods in the report
    (`ties`) may still tell them apart. None may be; the baseline never is.

    Args:
        rows: of one task; the selected ones keep their order.
        statistics: the suite's, with its alpha and correction.
    """
    faster = [row for row in rows if _faster(row, statistics)]
    sure = [row for row in faster if row.speedup_bound not in FLATTERED]
    return [row for row in faster if not any(_above(other, row) for other in sure)]


def rule(baseline: str, statistics: Statistics) -> str:
    """Write the rule of `best` in a sentence.

    Args:
        baseline: its label.
        statistics: the suite's, with its alpha and correction.
    """
    p = "Holm p" if statistics.correction == "holm" else "p"
    return (
        f"Bold: significantly faster than {baseline} ({p} at most {statistics.alpha:g}), and no other such method's "
        f"interval of the task lies above its own."
    )


def _faster(row: Row, statistics: Statistics) -> bool:
    """Check whether the p is significant and both ratios exceed 1: tests of epochs and of logs need not agree."""
    ratios = (row.speedup, row.speedup_of_means)
    return row.significant(statistics) and all(ratio is not None and ratio > 1 for ratio in ratios)


def _above(other: Row, row: Row) -> bool:
    """Check whether one interval lies above another; unknown ends decide nothing."""
    low, high = other.speedup_low, row.speedup_high
    return low is not None and high is not None and low > high
