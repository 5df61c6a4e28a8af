"""Sign-flip tests of differences that are known within brackets, low <= x <= high, as those of interval-censored times.

An assignment that flips the subset S of the differences x is at least as extreme as the observed one in the direction
of a positive mean if and only if the sum of x over S is <= 0. When any difference rises, no assignment becomes extreme
that was not so before. The one-sided p therefore falls in every difference, and over the brackets it is largest at
their lower ends. With the signs reversed, the p of a negative mean is largest at the upper ends. The least favourable
two-sided p is that of the lower ends where their mean is positive, that of the upper ends where their mean is negative,
and 1 elsewhere, where the brackets contain a mean of zero.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.sign_flip_test import Floats, sign_flip, sign_flip_high, sign_flip_low, smallest_p

__all__ = ["bound_confidence", "equivalence", "mean_between", "sign_flip_between", "sign_flip_interval_between"]

BOUND_SHARE = 0.4  # of the level of an interval that is left to the valid end of a bound


def sign_flip_between(low: ArrayLike, high: ArrayLike) -> float | None:
    """Compute the two-sided p of `sign_flip` for the least favourable differences within brackets.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,); the result is that of `sign_flip` where they equal the least.

    Returns:
        The p; 1 where the brackets contain a mean of zero; None without pairs.
    """
    mean = mean_between(low, high)
    if mean == 0:
        return 1.0 if np.size(low) else None
    return sign_flip(low if mean > 0 else high)


def sign_flip_interval_between(
    low: ArrayLike, high: ArrayLike, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Compute the confidence interval of the mean that inverts `sign_flip_between`.

    Both ends of `sign_flip_interval` rise with every difference, since the one-sided p does not rise. The union of the
    intervals over the brackets therefore extends from the lower end for the least values to the upper end for the
    greatest, and covers the mean at least as often as the interval for the unknown values does.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,).
        confidence: least coverage.

    Returns:
        Both ends; (None, None) where the test cannot reject anything, as in `sign_flip_interval`.
    """
    return sign_flip_low(low, confidence), sign_flip_high(high, confidence)


def bound_confidence(confidence: float, pairs: int) -> float:
    """Return the confidence at which the valid end of a bound holds what an interval of `confidence` promises for it.

    A ratio becomes a bound where some seed of one side is censored. That happens rather where this side's times are
    long by chance, so given a bound the valid end of a 95% interval errs in up to 5% of suites in place of 2.5%. At
    98%, 1 - 0.4 (1 - confidence), it holds the 2.5%, where 97.5% misses them by a little; with 6 pairs, whose test
    reaches 96.9%, it errs in 3.1% (simulation `bounds`).

    Args:
        confidence: of the interval of a ratio that is no bound.
        pairs: their number. Where the test cannot reach that confidence, the largest that it reaches is returned, but
            at least `confidence`.
    """
    return max(confidence, min(1 - BOUND_SHARE * (1 - confidence), 1 - smallest_p(pairs)))


def mean_between(low: ArrayLike, high: ArrayLike) -> float:
    """Compute the mean closest to zero of differences within brackets.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,).

    Returns:
        The mean, whose sign is the direction of the effect; 0 where the brackets contain both directions, and without
        pairs.
    """
    return max(_mean(low), 0.0) + min(_mean(high), 0.0)


def equivalence(low: ArrayLike, high: ArrayLike, margin: float) -> float | None:
    """Compute the p of two one-sided sign-flip tests that the mean difference lies within (-margin, margin).

    The tests (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15) are those of the differences + margin for a positive
    mean and of the differences - margin for a negative one, each at the least favourable ends of the brackets.
    Equivalence holds at the level alpha if and only if the interval of confidence 1 - 2 alpha lies within the margin.

    Args:
        low: least values of the paired differences, (n,).
        high: greatest values, (n,).
        margin: the largest mean difference that counts as none, in the units of the differences.

    Returns:
        The larger of the two p values, 1 / 2^n at the least; 1 where the brackets contain a mean outside of the margin;
        None without pairs.
    """
    if not np.size(low):
        return None
    return max(_p_positive(np.asarray(low, float) + margin), _p_positive(margin - np.asarray(high, float)))


def _p_positive(d: Floats) -> float:
    """Return the one-sided p of the differences d (n,) for a positive mean, as 1 where their mean is not positive."""
    p = sign_flip(d) if _mean(d) > 0 else None
    return 1.0 if p is None else p / 2


def _mean(values: ArrayLike) -> float:
    """Return the mean of values (n,), which does not depend on their order; 0 without any."""
    return math.fsum(np.asarray(values, float).tolist()) / max(np.size(values), 1)
