"""Sign-flip tests of differences that are known within brackets, low <= x <= high, such as for interval-censored times.

An assignment that flips the subset S of the differences x is at least as extreme as the observed one in the direction
of a positive mean if and only if the sum of x over S is <= 0. When a difference rises, no further assignment becomes
extreme. The one-sided p is therefore a decreasing function of every difference, and over the brackets it is largest at
their lower ends. By symmetry, the p for a negative mean is largest at the upper ends. The least favourable two-sided p
is that of the lower ends if their mean is positive, and that of the upper ends if their mean is negative. Otherwise the
brackets contain a mean of zero, and the least favourable p is 1.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.sign_flip_test import Floats, sign_flip, sign_flip_high, sign_flip_low, smallest_p

__all__ = ["bound_confidence", "equivalence", "mean_between", "sign_flip_between", "sign_flip_interval_between"]

BOUND_SHARE = 0.4  # the level of a bound's interval, as a share of the level of an ordinary interval


def sign_flip_between(low: ArrayLike, high: ArrayLike) -> float | None:
    """Compute the two-sided p of `sign_flip` for the least favourable differences within brackets.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,); if they equal the least, the result is that of `sign_flip`.

    Returns:
        The p; 1 if the brackets contain a mean of zero; None without pairs.
    """
    mean = mean_between(low, high)
    if mean == 0:
        return 1.0 if np.size(low) else None
    return sign_flip(low if mean > 0 else high)


def sign_flip_interval_between(
    low: ArrayLike, high: ArrayLike, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Compute the confidence interval of the mean that inverts `sign_flip_between`.

    Both ends of `sign_flip_interval` rise with every difference, because the one-sided p does not rise. The union of
    the intervals over the brackets therefore extends from the lower end for the least values to the upper end for the
    greatest values. It covers the mean at least as often as the interval for the unknown values does.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,).
        confidence: least coverage.

    Returns:
        Both ends; (None, None) if the test cannot reject anything, as in `sign_flip_interval`.
    """
    return sign_flip_low(low, confidence), sign_flip_high(high, confidence)


def bound_confidence(confidence: float, pairs: int) -> float:
    """Return the confidence with which the valid end of a bound errs no more often than an end of an ordinary interval.

    A ratio becomes a bound if a seed of one side is censored. This is more likely if the side's times are long by
    chance. Given a bound, the valid end of a 95% interval therefore errs in up to 5% of suites instead of 2.5%. With a
    confidence of 98%, which is 1 - 0.4 (1 - confidence), it errs in 2.5%; with 97.5%, in slightly more. The test of 6
    pairs reaches only 96.9%, and the valid end then errs in 3.1% (simulation `bounds`).

    Args:
        confidence: the confidence of the interval of a ratio that is not a bound.
        pairs: the number of pairs. If the test cannot reach the higher confidence, the largest that it reaches is
            returned, but at least `confidence`.
    """
    return max(confidence, min(1 - BOUND_SHARE * (1 - confidence), 1 - smallest_p(pairs)))


def mean_between(low: ArrayLike, high: ArrayLike) -> float:
    """Compute the mean closest to zero of differences within brackets.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,).

    Returns:
        The mean, whose sign is the direction of the effect; 0 if the brackets contain both directions, or without
        pairs.
    """
    return max(_mean(low), 0.0) + min(_mean(high), 0.0)


def equivalence(low: ArrayLike, high: ArrayLike, margin: float) -> float | None:
    """Compute the p of two one-sided sign-flip tests that the mean difference lies within (-margin, margin).

    One test is for a positive mean of differences + margin, the other for a negative mean of differences - margin
    (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15). Each uses the least favourable ends of the brackets. Equivalence
    holds at the level alpha if and only if the interval of confidence 1 - 2 alpha lies within the margin.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,).
        margin: the largest mean difference that counts as none, in the units of the differences.

    Returns:
        The larger of the two p values, which is at least 1 / 2^n; 1 if the brackets contain a mean outside of the
        margin; None without pairs.
    """
    if not np.size(low):
        return None
    return max(_p_positive(np.asarray(low, float) + margin), _p_positive(margin - np.asarray(high, float)))


def _p_positive(d: Floats) -> float:
    """Return the one-sided p of the differences d (n,) for a positive mean; 1 if their mean is not positive."""
    p = sign_flip(d) if _mean(d) > 0 else None
    return 1.0 if p is None else p / 2


def _mean(values: ArrayLike) -> float:
    """Return the mean of values (n,), independent of their order also in its rounding; 0 without values."""
    return math.fsum(np.asarray(values, float).tolist()) / max(np.size(values), 1)
