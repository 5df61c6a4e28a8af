"""A test of paired times of which some never came to an end, without the budget."""

from numpy.typing import ArrayLike

from grokbench.stats.signed_rank_test import rank_sum_between, wilcoxon_between

__all__ = ["misses_last", "misses_last_favours"]


def misses_last(low: ArrayLike, high: ArrayLike) -> float | None:
    """Compute the two-sided p of the signed-rank test in which a seed that one side missed has an infinite log ratio.

    The test is exact: `sign_flip` of the signed ranks, for the least favourable of the log ratios within brackets.

    Args:
        low: least log ratios, baseline / method, (n,): +inf where only the method grokked, -inf where only the baseline
            did, 0 where neither did. Infinite ones rank above all finite ones and are tied with each other.
        high: greatest log ratios, (n,).

    Returns:
        The p; 1 where the brackets contain no direction, and if neither side grokked on any seed; None without pairs.
    """
    return wilcoxon_between(low, high)


def misses_last_favours(low: ArrayLike, high: ArrayLike) -> float:
    """Compute a number above 0 where `misses_last` favours the method, below 0 where it favours the baseline.

    Args:
        low: least log ratios, (n,), as for `misses_last`.
        high: greatest log ratios, (n,).

    Returns:
        The sum of signed ranks that is closest to zero; 0 where the brackets contain both directions.
    """
    return rank_sum_between(low, high)
