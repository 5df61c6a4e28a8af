"""The Wilcoxon signed-rank test: the sign-flip test of signed ranks. Differences may be known only within brackets.

Differences may be infinite: +inf and -inf rank above all finite ones and are tied with each other.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grokbench.stats.sign_flip_test import TIE, Floats, sign_flip

__all__ = ["signed_ranks", "wilcoxon", "wilcoxon_between"]


def wilcoxon(differences: ArrayLike) -> float | None:
    """Compute the two-sided p of the Wilcoxon (1945) signed-rank test, with zeros treated as by Pratt (1959).

    The null distribution is that of `sign_flip` on the signed ranks. It is exact up to EXACT_PAIRS pairs, also with
    ties and zeros.

    Args:
        differences: paired differences, (n,).

    Returns:
        The p; 1 if all differences are zero; None without pairs.
    """
    return sign_flip(signed_ranks(differences))


def signed_ranks(differences: ArrayLike) -> Floats:
    """Compute Wilcoxon's signed ranks: the sign of each difference times the rank of its absolute value.

    Ties share their mean rank. Zeros are ranked and then given the signed rank zero (Pratt 1959, J. Amer. Statist.
    Assoc. 54). Infinite differences rank above all others and are tied with each other.

    Args:
        differences: paired differences, (n,).

    Returns:
        The signed ranks, (n,).
    """
    d = np.asarray(differences, float)
    size, tie = _magnitudes(d)
    return np.where(size > tie, np.sign(d), 0.0) * _mean_ranks(size, tie)


def wilcoxon_between(low: ArrayLike, high: ArrayLike) -> float | None:
    """Compute the p of `wilcoxon` for the least favourable differences within brackets.

    Without ties, the p falls when the rank sum rises, and the rank sum, which counts positive Walsh averages, rises
    with every difference. The least favourable differences are therefore the lower ends for a positive effect, and the
    upper ends for a negative one. With ties this argument fails, because the null distribution depends on them. If a
    bracket is wider than a point, the p is therefore the larger of two: the p of these ends, and the p of these ends
    with their finite ties broken against the effect.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,); if they equal the least, the result is that of `wilcoxon`.

    Returns:
        The p; 1 if the brackets contain a rank sum of zero; None without pairs.
    """
    lower, upper = np.asarray(low, float), np.asarray(high, float)
    if not lower.size:
        return None
    fixed = lower == upper
    return min(_p_of_least(lower, fixed), _p_of_least(-upper, fixed))  # one of them is 1


def _p_of_least(least: Floats, fixed: NDArray[np.bool_]) -> float:
    """Return the largest p of differences that are at least `least` (n,), and equal where fixed; 1 unless positive."""
    rank_sets = [signed_ranks(least)]
    if not fixed.all():
        rank_sets.append(_ties_broken(least, fixed))
    return max(sign_flip(ranks) or 0.0 if ranks.sum() > 0 else 1.0 for ranks in rank_sets)


def _ties_broken(least: Floats, fixed: NDArray[np.bool_]) -> Floats:
    """Compute signed ranks (n,) whose sum is the smallest just above `least`; fixed zeros and infinities stay tied."""
    size, tie = _magnitudes(least)
    ranks, zero, infinite = _mean_ranks(size, tie), size <= tie, np.isinf(least)
    sign = np.where((least > 0) & ~zero, 1.0, -1.0)
    order = np.lexsort((-sign, ~(fixed & zero), ranks))  # order of ties: fixed zeros, positive, negative values
    broken = np.empty(least.size)
    broken[order] = np.arange(1.0, least.size + 1)
    return np.where(fixed & zero, 0.0, sign * np.where(infinite, ranks, broken))


def _magnitudes(d: Floats) -> tuple[Floats, float]:
    """Return the absolute values (n,), infinite ones as a finite value above all others, and the rounding of a tie."""
    size = np.abs(d)
    largest = float(size.max(initial=0.0, where=np.isfinite(size)))
    return np.minimum(size, 2 * largest + 1), TIE * largest


def _mean_ranks(values: Floats, tie: float) -> Floats:
    """Rank values (n,) from 1 to n; those closer than `tie` share their mean rank."""
    order = np.argsort(values, kind="stable")
    group = np.cumsum(np.diff(values[order], prepend=values[order][:1]) > tie)
    ranks = np.empty(values.size)
    ranks[order] = (np.bincount(group, np.arange(1.0, values.size + 1)) / np.bincount(group))[group]
    return ranks
