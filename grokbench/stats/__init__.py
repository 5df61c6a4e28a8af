"""Tests, intervals and effect sizes for paired samples, as functions of arrays.

Except for Student's t test, the tests are randomisation tests for paired samples. Under the null hypothesis the two
labels of a pair are exchangeable, so a paired difference is positive or negative with probability 1/2. `sign_flip`
(module `sign_flip_test`) tests the mean in this way. Applied to signed ranks it is Wilcoxon's test, and applied to
log-rank scores (module `survival`) a paired log-rank test. Names that end in `_between` belong to functions of
differences that are known within brackets.

A result that does not exist is None, never nan; each function names these cases.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.brackets import (
    bound_confidence,
    equivalence,
    mean_between,
    sign_flip_between,
    sign_flip_interval_between,
)
from grokbench.stats.group_sequential import boundaries, sequential_p, spent, undecidable
from grokbench.stats.misses import log_ratio_brackets, misses_last, misses_last_favours
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
from grokbench.stats.signed_rank_test import signed_ranks, wilcoxon, wilcoxon_between
from grokbench.stats.wins import superiority, superiority_interval

__all__ = [
    "EXACT_PAIRS",
    "MONTE_CARLO_DRAWS",
    "Floats",
    "bound_confidence",
    "boundaries",
    "effect_size",
    "equivalence",
    "holm",
    "log_ratio_brackets",
    "mean_between",
    "mean_half_width",
    "median_interval",
    "misses_last",
    "misses_last_favours",
    "paired_t",
    "pairs_needed",
    "ratio_of_means_interval",
    "sample_size_to_narrow",
    "sequential_p",
    "sign_flip",
    "sign_flip_between",
    "sign_flip_interval",
    "sign_flip_interval_between",
    "signed_ranks",
    "skewness",
    "smallest_p",
    "spent",
    "superiority",
    "superiority_interval",
    "undecidable",
    "wilcoxon",
    "wilcoxon_between",
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


def skewness(differences: ArrayLike) -> float | None:
    """Compute the adjusted Fisher-Pearson sample skewness G1 (Joanes and Gill 1998, The Statistician 47).

    Args:
        differences: paired differences, (n,).

    Returns:
        sqrt(n (n - 1)) / (n - 2) x m3 / m2^1.5 with the central moments m2 and m3; None for fewer than three pairs, and
        for differences that are all equal.
    """
    d = np.asarray(differences, float)
    n = d.size
    if n < 3 or _constant(d):
        return None
    centred = d - d.mean()
    return float(math.sqrt(n * (n - 1)) / (n - 2) * (centred**3).mean() / (centred**2).mean() ** 1.5)


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


def _constant(d: Floats) -> bool:
    """Return whether the values d (n,) are equal up to rounding, as one value is, or none."""
    return d.size < 2 or float(np.ptp(d)) <= TIE * float(np.abs(d).max())


def _one_if_none(p: float | None) -> float:
    return 1.0 if p is None else p
