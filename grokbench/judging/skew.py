"""Skewness of a row's log ratios, which makes the interval of a sign flip miss on one side."""

from collections.abc import Iterator

import numpy as np

from grokbench import stats
from grokbench.judging.note import Kind, Note, info
from grokbench.judging.outcomes import Measured

__all__ = ["LARGEST_SKEW", "skew_notes", "skewness"]

LARGEST_SKEW = 1.0  # absolute: intervals of skewed pairs with mean 0 miss in 6 to 11% of suites, where 5% is nominal


def skewness(baseline: Measured, method: Measured) -> float | None:
    """Compute the sample skewness of the log ratios of times, see `stats.skewness`.

    Args:
        baseline: complete.
        method: complete, on the same seeds in the same order.
    """
    logs = np.log(np.array(baseline.ratio_times) / np.array(method.ratio_times))
    return stats.skewness(np.sort(logs))  # so that the order of the seeds does not matter, not even by rounding


def skew_notes(skew: float | None, interval: bool) -> Iterator[Note]:
    """Yield a note where the log ratios are skewed.

    Args:
        skew: their skewness; None where there is none.
        interval: whether the row has an interval that could miss.
    """
    if interval and skew is not None and abs(skew) > LARGEST_SKEW:
        text = f"the log ratios are skewed ({skew:.1f}): the interval misses more often on one side"
        yield info(Kind.SKEWED, text, skew)
