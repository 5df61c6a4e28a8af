"""Tests, intervals and effect sizes for paired samples, as functions of arrays.

Except for Student's t test, the tests are randomisation tests for paired samples. Under the null hypothesis the two
labels of a pair are exchangeable, so a paired difference is positive or negative with probability 1/2. `sign_flip`
(module `flips`) tests the mean in this way. Applied to signed ranks it is Wilcoxon's test, and applied to log-rank
scores (module `survival`) a paired log-rank test.

A result that does not exist is None, never nan; each function names these cases.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.sign_flip_test import (
    EXACT_PAIRS,
    MONTE_CARLO_DRAWS,
    TIE,
    Floats,
    pairs_needed,
    sign_flip,
    sign_flip_interval,
    smallest_p,
)

__all__ = [
    "EXACT_PAIRS",
    "MONTE_CARLO_DRAWS",
    "Floats",
    "effect_size",
    "holm",
    "mean_half_width",
    "median_interval",
    "paired_t",
    "pairs_needed",
    "ratio_of_means_interval",
    "sample_size_to_narrow",
    "sign_flip",
    "sign_flip_interval",
    "signed_ranks",
    "smallest_p",
    "superiority",
    "wilcoxon",
]


def paired_t(differences: ArrayLike) -> float | None:
    """Compute the two-sided p of Student's (1908) paired t test.

    The statistic is t = mean / (s / sqrt(n)), with n - 1 degrees of freedom.

    Args:
        differences: paired differences, (n,).

    Returns:
        The p; 1 if all differences are zero; None for fewer than two pairs, or differences that are all equal but not
        zero, which have no standard deviation.
    """
    from scipy.special import stdtr

    d = np.asarray(differences, float)
    if d.size and not d.any():
        return 1.0
    if _constant(d):
        return None
    t = abs(d.mean()) / (d.std(ddof=1) / math.sqrt(d.size))
    return float(2 * stdtr(d.size - 1, -t))


def wilcoxon(differences: ArrayLike) -> float | None:
    """Compute the two-sided p of the Wilcoxon (1945) signed-rank test, with zeros treated as by Pratt (1959).

    The null distribution is that of `sign_flip` on the signed ranks: exact up to EXACT_PAIRS pairs, with ties and zeros
    too.

    Args:
        differences: paired differences, (n,).

    Returns:
        The p; 1 if all differences are zero; None without pairs.
    """
    return sign_flip(signed_ranks(differences))


def signed_ranks(differences: ArrayLike) -> Floats:
    """Compute Wilcoxon's signed ranks: the sign of each difference times the rank of its absolute value.

    Ties share their mean rank. Zeros are ranked and then given the signed rank zero (Pratt 1959, J. Amer. Statist.
    Assoc. 54).

    Args:
        differences: paired differences, (n,).

    Returns:
        The signed ranks, (n,).
    """
    d = np.asarray(differences, float)
    size = np.abs(d)
    tie = TIE * size.max(initial=0.0)
    return np.where(size > tie, np.sign(d), 0.0) * _mean_ranks(size, tie)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p values by the step-down method of Holm (1979, Scand. J. Statist. 6) for the family-wise error rate.

    With the m p values in ascending order, the adjusted one of rank k (from 0) is the largest of min(1, (m - j) p_j)
    over j <= k.

    Args:
        p_values: of the m planned tests. None for a test without a p, which counts in m as a p of 1.

    Returns:
        The adjusted p values, in the order given; None where the p is None.
    """
    m, largest = len(p_values), 0.0
    adjusted: list[float | None] = [None] * m
    for rank, i in enumerate(sorted(range(m), key=lambda i: _one_if_none(p_values[i]))):
        largest = max(largest, min(1.0, (m - rank) * _one_if_none(p_values[i])))
        adjusted[i] = None if p_values[i] is None else largest
    return adjusted


def effect_size(differences: ArrayLike) -> float | None:
    """Compute Cohen's (1988) d_z for paired samples: the mean difference / the standard deviation of the differences.

    Args:
        differences: paired differences, (n,); their standard deviation has the divisor n - 1.

    Returns:
        The effect size; 0 if all differences are zero; None for fewer than two pairs, or differences that are all
        equal but not zero.
    """
    d = np.asarray(differences, float)
    if d.size and not d.any():
        return 0.0
    return None if _constant(d) else float(d.mean() / d.std(ddof=1))


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Compute a distribution-free confidence interval of the median between two order statistics (Thompson 1936).

    The interval from the k-th smallest to the k-th largest of n values misses the median with a probability of at most
    2 P(Binomial(n, 1/2) < k), for any distribution. It is the inversion of the sign test; k is the largest that reaches
    the confidence.

    Args:
        values: the sample, (n,).
        confidence: the least coverage.

    Returns:
        Both ends; (None, None) where even the smallest and the largest value do not reach the confidence, as with
        fewer than 6 values at 95%.
    """
    n, k, miss = len(values), 0, 2.0 / 2 ** len(values)
    while miss <= (1 - confidence) * (1 + 1e-12) and k < (n + 1) // 2:
        k += 1
        miss += 2.0 * math.comb(n, k) / 2**n
    if k == 0:
        return None, None
    ordered = sorted(values)
    return float(ordered[k - 1]), float(ordered[n - k])


def sample_size_to_narrow(n: int, excess: float) -> int:
    """Return the smallest sample at which Student's 95% interval of a mean is narrower by a factor.

    Args:
        n: size of the present sample.
        excess: the present width / the wanted width, for the same standard deviation.

    Returns:
        The smallest sample size that reaches the wanted width.
    """
    from scipy.special import stdtrit

    def narrowing(m: int) -> float:
        return float(stdtrit(n - 1, 0.975) / math.sqrt(n) / (stdtrit(m - 1, 0.975) / math.sqrt(m)))

    low, high = 1, max(2, n, math.ceil(n * excess**2) + n)  # narrowing(low) < excess <= narrowing(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrowing(middle) >= excess * (1 - 1e-9) else (middle, high)
    return high


def mean_half_width(values: ArrayLike, confidence: float = 0.95) -> float | None:
    """Compute half the width of Student's confidence interval of a mean: t(n - 1) x s / sqrt(n).

    Args:
        values: the sample, (n,).
        confidence: coverage for a normal distribution.

    Returns:
        Half the width; None for fewer than two values.
    """
    from scipy.special import stdtrit

    x = np.asarray(values, float)
    if x.size < 2:
        return None
    return float(stdtrit(x.size - 1, (1 + confidence) / 2) * x.std(ddof=1) / math.sqrt(x.size))


def superiority(baseline: ArrayLike, method: ArrayLike) -> float | None:
    """Estimate the probability of superiority (Grissom 1994) for paired samples.

    Args:
        baseline: times, (n,).
        method: times of the same seeds, (n,).

    Returns:
        The share of pairs in which the method's time is smaller, with ties counted half; None without pairs.
    """
    d = np.asarray(baseline, float) - np.asarray(method, float)
    return float(np.mean((np.sign(d) + 1) / 2)) if d.size else None


def ratio_of_means_interval(
    numerator: ArrayLike, denominator: ArrayLike, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Compute Fieller's (1954, J. R. Statist. Soc. B 16) confidence interval of a ratio of means of paired samples.

    It contains every ratio r for which Student's paired t test of numerator - r x denominator does not reject zero. A
    bootstrap interval of few pairs would cover the ratio too rarely, and needs random draws. The lower end is truncated
    at 0, because times are positive.

    Args:
        numerator: times, (n,).
        denominator: times of the same seeds, (n,).
        confidence: coverage for normal distributions.

    Returns:
        Both ends; (None, None) for fewer than two pairs, and where the denominator's mean does not differ significantly
        from zero, so that the interval is unbounded.
    """
    from scipy.special import stdtrit

    x, y = np.asarray(numerator, float), np.asarray(denominator, float)
    if x.size < 2:
        return None, None
    q = float(stdtrit(x.size - 1, (1 + confidence) / 2)) ** 2 / x.size
    a = y.mean() ** 2 - q * y.var(ddof=1)
    if a <= 0:
        return None, None
    ratio = x.mean() / y.mean()
    (ee, ey), _ = np.cov(x - ratio * y, y)  # from residuals: the usual discriminant suffers from cancellation
    half = math.sqrt(q * (a * ee + q * ey**2))
    return max(0.0, float(ratio - (q * ey + half) / a)), float(ratio - (q * ey - half) / a)


def _mean_ranks(values: Floats, tie: float) -> Floats:
    """Rank values (n,) from 1 to n; those closer than `tie` share their mean rank."""
    order = np.argsort(values, kind="stable")
    group = np.cumsum(np.diff(values[order], prepend=values[order][:1]) > tie)
    ranks = np.empty(values.size)
    ranks[order] = (np.bincount(group, np.arange(1.0, values.size + 1)) / np.bincount(group))[group]
    return ranks


def _constant(d: Floats) -> bool:
    """Return whether the values d (n,) are equal up to rounding, as one value is, or none."""
    return d.size < 2 or float(np.ptp(d)) <= TIE * float(np.abs(d).max())


def _one_if_none(p: float | None) -> float:
    return 1.0 if p is None else p
