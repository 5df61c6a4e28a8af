"""The significant best rows of a task, by a rule that a reader can check against the printed numbers."""

from collections.abc import Sequence

from grokbench.judging.conclusions import Conclusion
from grokbench.judging.row import Row
from grokbench.records import Statistics

__all__ = ["best", "rule"]


def best(rows: Sequence[Row]) -> list[Row]:
    """Select the rows of one task that are significantly faster than the baseline, of the first place among such.

    Several rows may be selected: those that share that place, and where there are no places all such rows. None may be;
    the baseline never is.

    Args:
        rows: of one task; the selected ones keep their order.
    """
    faster = [row for row in rows if _faster(row)]
    first = min((row.place for row in faster if row.place is not None), default=None)
    return [row for row in faster if row.place == first]


def rule(baseline: str, statistics: Statistics) -> str:
    """Write the rule of `best` in a sentence.

    Args:
        baseline: its label.
        statistics: the suite's, with its alpha and correction.
    """
    return (
        f"Bold: significantly faster than {baseline} ({statistics.name_of_p} at most {statistics.alpha:g}), with a "
        f"speed-up and a ratio of means that both exceed 1 if all seeds grokked, and of the first place among such "
        f"methods of the task."
    )


def _faster(row: Row) -> bool:
    """Check whether the deciding test says so, and both ratios exceed 1: tests of epochs and of logs need not agree.

    A method that failed on a seed is not selected, nor one that was added after a look. Where the baseline failed, the
    ratios depend on the budget and decide nothing.
    """
    if row.conclusion is not Conclusion.FASTER or row.speedup_bound in ("upper", "mixed") or (row.family or 1) > 1:
        return False
    ratios = (row.speedup, row.speedup_of_means) if row.speedup_bound is None else ()
    return all(ratio is not None and ratio > 1 for ratio in ratios)
