"""The note on skewed log ratios, for which the interval of the sign-flip test misses more often on one side."""

from collections.abc import Iterator

from grokbench.judging.effects import Effect
from grokbench.judging.note import Kind, Note, info

__all__ = ["LARGEST_SKEW", "skew_notes"]

LARGEST_SKEW = 1.0  # in absolute value; beyond it, 95% intervals miss a true mean of 0 in 6 to 11% of suites, not 5%


def skew_notes(found: Effect) -> Iterator[Note]:
    """Yield a note if the log ratios are skewed and there is an interval that could miss."""
    skew = found.skewness
    if found.low is not None and skew is not None and abs(skew) > LARGEST_SKEW:
        text = f"the log ratios are skewed ({skew:.1f}): the interval misses more often on one side"
        yield info(Kind.SKEWED, text, skew)
