"""The sign-flip test of paired differences, and the confidence interval that is its inversion.

The test is the randomisation test of Fisher (1935, The Design of Experiments) and Pitman (1937). Under the null
hypothesis the labels of each pair are exchangeable, so every assignment of signs to the differences is equally likely.
The p value is the share of assignments whose mean is at least as far from zero as the observed one.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EXACT_PAIRS",
    "MONTE_CARLO_DRAWS",
    "TIE",
    "Floats",
    "pairs_needed",
    "sign_flip",
    "sign_flip_high",
    "sign_flip_interval",
    "sign_flip_low",
    "smallest_p",
]

Floats = NDArray[np.float64]

EXACT_PAIRS = 26  # the most pairs for which all 2^n sign assignments are counted
MONTE_CARLO_DRAWS = 65535  # random assignments for more pairs; p is a multiple of 1/65536, its standard error <= 0.002
TIE = 1e-13  # sums that are closer than this, relative to the sum of absolute differences, are ties up to rounding
BISECTIONS = 40  # bisections of an end of an interval, which is then accurate to 2^-40 of the range of the differences


def sign_flip(differences: ArrayLike) -> float | None:
    """Compute the two-sided p of the sign-flip test of a zero mean (Fisher 1935, section 21).

    Up to EXACT_PAIRS pairs the p is exact: all sums of signed differences are counted. To this end, the sums over one
    half of the pairs are sorted, and searched for each sum over the other half (meet in the middle, 2^(n/2) sums). With
    more pairs, the p is a Monte Carlo estimate from MONTE_CARLO_DRAWS random assignments with a fixed key, (1 + count)
    / (1 + draws). Sums that differ from the observed one only by rounding count as ties, and therefore as extreme.

    Args:
        differences: paired differences, (n,); the order does not matter.

    Returns:
        The p; 1 for one pair, and if all differences are zero; None without pairs.
    """
    d = _sorted(differences)
    return _p_of_shift(d)(0.0) if d.size else None


def sign_flip_interval(differences: ArrayLike, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Compute the confidence interval of the mean difference that inverts the sign-flip test.

    The interval contains every shift t for which `sign_flip` of the differences - t is not significant. Its ends are
    order statistics of the means of subsets (Hartigan 1969, J. Amer. Statist. Assoc. 64), found by bisection.

    Args:
        differences: paired differences, (n,).
        confidence: coverage; the level of the test is 1 - confidence.

    Returns:
        Both ends; (c, c) if all differences are c; (None, None) if smallest_p(n) > 1 - confidence, where the test
        cannot reject anything.
    """
    return sign_flip_low(differences, confidence), sign_flip_high(differences, confidence)


def sign_flip_low(differences: ArrayLike, confidence: float = 0.95) -> float | None:
    """Compute only the lower end of `sign_flip_interval`, in half the time.

    Args:
        differences: paired differences, (n,).
        confidence: coverage of the interval.
    """
    d, alpha = _sorted(differences), 1 - confidence
    if d.size == 0 or smallest_p(d.size) > alpha:
        return None
    outside = float(d.min()) - float(d.max() - d.min())
    return _interval_end(_p_of_shift(d), alpha, inside=float(d.mean()), outside=outside)


def sign_flip_high(differences: ArrayLike, confidence: float = 0.95) -> float | None:
    """Compute only the upper end of `sign_flip_interval`, in half the time.

    Args:
        differences: paired differences, (n,).
        confidence: coverage of the interval.
    """
    low = sign_flip_low(-np.asarray(differences, float), confidence)
    return None if low is None else -low


def smallest_p(pairs: int) -> float:
    """Return the smallest two-sided p that `sign_flip` can reach.

    Args:
        pairs: the number of pairs, n.

    Returns:
        2 / 2^n; beyond EXACT_PAIRS pairs 1 / (1 + MONTE_CARLO_DRAWS); 1 without pairs.
    """
    return 1 / (1 + MONTE_CARLO_DRAWS) if pairs > EXACT_PAIRS else min(1.0, 2.0 ** (1 - pairs))


def pairs_needed(tests: int, alpha: float = 0.05) -> int:
    """Return the fewest pairs with which a sign-flip test can be significant after Holm's adjustment.

    Args:
        tests: the number of tests in the family.
        alpha: the family-wise level.

    Returns:
        The smallest n with tests x 2 / 2^n <= alpha.
    """
    return max(1, math.ceil(1 + math.log2(max(tests, 1)) - math.log2(alpha) - TIE))


def _sorted(differences: ArrayLike) -> Floats:
    """Sort the differences (n,), so that no result depends on the order of the seeds, not even by rounding."""
    return np.sort(np.asarray(differences, float))


def _p_of_shift(d: Floats) -> Callable[[float], float]:
    """Return a function from a shift t to the sign-flip p of d - t; terms without t are computed once."""
    flips = _all_flips if d.size <= EXACT_PAIRS else _drawn_flips
    share = flips(d)

    def p(shift: float) -> float:
        x = d - shift
        target = abs(x.sum()) - TIE * np.abs(x).sum()
        return share(shift, float(target)) if target > 0 else 1.0

    return p


def _all_flips(d: Floats) -> Callable[[float, float], float]:
    """Return a function of (shift, target): the share of all 2^n flips of d - shift whose |sum| >= target > 0."""
    halves = np.split(d, [d.size // 2])
    (left, right), (left_signs, right_signs) = map(_signed_sums, halves), (_sums_of_signs(half.size) for half in halves)

    def share(shift: float, target: float) -> float:
        ordered = np.sort(right - shift * right_signs)
        wanted = np.sort(target - (left - shift * left_signs))  # sorted only because the search is then faster
        below = np.searchsorted(ordered, wanted, side="left")
        return 2 * float((ordered.size - below).sum()) / 2.0**d.size  # doubled: the sums are symmetric about zero

    return share


def _drawn_flips(d: Floats) -> Callable[[float, float], float]:
    """Estimate the share that `_all_flips` computes, from random flips and the observed signs, so that p is never 0."""
    signs = 1.0 - 2.0 * np.random.Generator(np.random.Philox(key=0)).integers(0, 2, (MONTE_CARLO_DRAWS, d.size))
    sums, counts = signs @ d, signs.sum(axis=1)
    return lambda shift, target: float(1 + (np.abs(sums - shift * counts) >= target).sum()) / (1 + MONTE_CARLO_DRAWS)


def _signed_sums(d: Floats) -> Floats:
    """List all 2^n sums of +-d (n,)."""
    sums = np.zeros(1)
    for x in d:
        sums = np.concatenate([sums + x, sums - x])
    return sums


@cache
def _sums_of_signs(n: int) -> Floats:
    """List the sums of the signs of `_signed_sums`, in the same order."""
    return _signed_sums(np.ones(n))


def _interval_end(p: Callable[[float], float], alpha: float, inside: float, outside: float) -> float:
    """Bisect for the last shift from `inside` towards `outside` that is not rejected; p decreases in this direction."""
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if p(middle) > alpha else (inside, middle)
    return inside
