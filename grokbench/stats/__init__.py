"""Statistics of paired differences: arrays in, numbers out.

A test of n seed pairs asks one question: had the two labels of any pair been exchanged, how often would the
result have been as extreme? `sign_flip` (`flips`) answers it for the mean, and for others through their scores:
Wilcoxon's is the sign flip of signed ranks, the log-rank (`survival`) that of log-rank scores.

Whatever cannot be computed is None, never nan: see each function for its degenerate inputs.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.flips import (
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
    "shrunk_at",
    "sign_flip",
    "sign_flip_interval",
    "signed_ranks",
    "smallest_p",
    "superiority",
    "wilcoxon",
]


def paired_t(differences: ArrayLike) -> float | None:
    """Two-sided p of Student's paired t on `differences` (n,).

    All zero: 1. One pair, none, or a constant other than zero (no spread to judge by): None.
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
    """Two-sided p of the Wilcoxon signed-rank test of `differences` (n,), zeros as Pratt (1959) treats them.

    Zeros take part in the ranking and then drop out; ties share their mean rank. The p is the sign flip of the
    signed ranks: exact with ties and zeros too, up to EXACT_PAIRS. All zero: 1. No pairs: None.
    """
    return sign_flip(signed_ranks(differences))


def signed_ranks(differences: ArrayLike) -> Floats:
    """Wilcoxon's signed ranks of `differences` (n,), zeros as Pratt treats them."""
    d = np.asarray(differences, float)
    size = np.abs(d)
    tie = TIE * size.max(initial=0.0)
    return np.where(size > tie, np.sign(d), 0.0) * _mean_ranks(size, tie)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979, Scand. J. Statist. 6) adjusted p's of a planned family of m = len(`p_values`) tests.

    A test without a p (None: not run yet, or not possible) still counts in m, as a p of 1; its own stays None.
    """
    m, largest = len(p_values), 0.0
    adjusted: list[float | None] = [None] * m
    for rank, i in enumerate(sorted(range(m), key=lambda i: _one_if_none(p_values[i]))):
        largest = max(largest, min(1.0, (m - rank) * _one_if_none(p_values[i])))
        adjusted[i] = None if p_values[i] is None else largest
    return adjusted


def effect_size(differences: ArrayLike) -> float | None:
    """Cohen's d_z of paired `differences` (n,): their mean over their standard deviation (n - 1).

    All zero: 0. One pair, none, or a constant other than zero: None.
    """
    d = np.asarray(differences, float)
    if d.size and not d.any():
        return 0.0
    return None if _constant(d) else float(d.mean() / d.std(ddof=1))


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """The narrowest interval of the median between two order statistics, the k-th from below and from above.

    It misses the median when fewer than k of n values lie on one side, with probability 2 P(Binomial(n, 1/2) < k),
    whatever the distribution. (None, None) where even the extremes are too narrow: below 6 values at 95%.
    """
    n, k, miss = len(values), 0, 2.0 / 2 ** len(values)
    while miss <= (1 - confidence) * (1 + 1e-12) and k < (n + 1) // 2:
        k += 1
        miss += 2.0 * math.comb(n, k) / 2**n
    if k == 0:
        return None, None
    ordered = sorted(values)
    return float(ordered[k - 1]), float(ordered[n - k])


def shrunk_at(n: int, excess: float) -> int:
    """The fewest values at which Student's interval of a mean is `excess` times narrower than at `n`, same spread."""
    from scipy.special import stdtrit

    def narrowing(m: int) -> float:
        return float(stdtrit(n - 1, 0.975) / math.sqrt(n) / (stdtrit(m - 1, 0.975) / math.sqrt(m)))

    low, high = 1, max(2, n, math.ceil(n * excess**2) + n)  # narrowing(low) < excess <= narrowing(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrowing(middle) >= excess * (1 - 1e-9) else (middle, high)
    return high


def mean_half_width(values: ArrayLike, confidence: float = 0.95) -> float | None:
    """Half the width of Student's interval of the mean of `values` (n,); None with fewer than two."""
    from scipy.special import stdtrit

    x = np.asarray(values, float)
    if x.size < 2:
        return None
    return float(stdtrit(x.size - 1, (1 + confidence) / 2) * x.std(ddof=1) / math.sqrt(x.size))


def superiority(baseline: ArrayLike, method: ArrayLike) -> float | None:
    """Share of pairs in which `method` (n,) has the smaller time than `baseline` (n,), ties counted half."""
    d = np.asarray(baseline, float) - np.asarray(method, float)
    return float(np.mean((np.sign(d) + 1) / 2)) if d.size else None


def ratio_of_means_interval(
    numerator: ArrayLike, denominator: ArrayLike, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Fieller's interval of mean(`numerator`) / mean(`denominator`), times (n,) paired by seed.

    It holds every ratio r for which a paired t of numerator - r x denominator does not reject zero (Fieller 1954,
    J. R. Statist. Soc. B 16): unlike a bootstrap of few pairs it does not undercover, and it needs no draws. Times
    are positive, so the lower end is cut at 0. (None, None) with fewer than two pairs, or when the denominator's
    mean is not clearly above zero (the interval is unbounded).
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
    (ee, ey), _ = np.cov(x - ratio * y, y)  # of residuals: the textbook's discriminant cancels where they are small
    half = math.sqrt(q * (a * ee + q * ey**2))
    return max(0.0, float(ratio - (q * ey + half) / a)), float(ratio - (q * ey - half) / a)


def _mean_ranks(values: Floats, tie: float) -> Floats:
    """Ranks 1 to n of values (n,), those closer than `tie` sharing their mean rank."""
    order = np.argsort(values, kind="stable")
    group = np.cumsum(np.diff(values[order], prepend=values[order][:1]) > tie)
    ranks = np.empty(values.size)
    ranks[order] = (np.bincount(group, np.arange(1.0, values.size + 1)) / np.bincount(group))[group]
    return ranks


def _constant(d: Floats) -> bool:
    """Whether d (n,) has no spread beyond rounding; one value and none have none."""
    return d.size < 2 or float(np.ptp(d)) <= TIE * float(np.abs(d).max())


def _one_if_none(p: float | None) -> float:
    return 1.0 if p is None else p
