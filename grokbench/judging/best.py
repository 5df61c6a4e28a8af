"""The significantly best rows of a task, by a rule that a reader can check against the printed numbers."""

from collections.abc import Sequence

from grokbench.judging.conclusions import Conclusion
from grokbench.judging.row import Row
from grokbench.records import Statistics

__all__ = ["best", "rule"]


def best(rows: Sequence[Row]) -> list[Row]:
    """Select the rows of a task that are significantly faster than the baseline and have the best place among these.

    Several rows can share this place; if there are no places, all significantly faster rows are selected. Possibly no
    row is selected; the baseline never is.

    Args:
        rows: the rows of one task; the selected rows keep their order.
    """
    faster = [row for row in rows if _faster(row)]
    first = min((row.place for row in faster if row.place is not None), default=None)
    return [row for row in faster if row.place == first]


def rule(baseline: str, statistics: Statistics) -> str:
    """Write the rule of `best` as a sentence.

    Args:
        baseline: the label of the baseline.
        statistics: the statistics of the suite, with alpha and the correction.
    """
    return (
        f"Bold: significantly faster than {baseline} ({statistics.name_of_p} at most {statistics.alpha:g}), with a "
        f"speed-up and a ratio of means that both exceed 1 if all seeds grokked, and of the first place among such "
        f"methods of the task."
    )


def _faster(row: Row) -> bool:
    """Return whether the conclusion is FASTER and both ratios exceed 1, because they can lie on different sides of 1.

    A method that did not grok on a seed, or that was added after a look, is not selected. If the baseline did not grok
    on a seed, the ratios depend on the budget and are not used.
    """
    if row.conclusion is not Conclusion.FASTER or row.speedup_bound in ("upper", "mixed") or (row.family or 1) > 1:
        return False
    ratios = (row.speedup, row.speedup_of_means) if row.speedup_bound is None else ()
    return all(ratio is not None and ratio > 1 for ratio in ratios)
