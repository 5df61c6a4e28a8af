"""Student's t: the paired test, the interval of a mean, and the sample size that narrows the interval."""

import math

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.moments import is_constant

__all__ = ["mean_half_width", "paired_t", "sample_size_to_narrow"]


def paired_t(differences: ArrayLike) -> float | None:
    """Compute the two-sided p of Student's (1908) paired t test.

    The statistic is t = mean / (s / sqrt(n)), with n - 1 degrees of freedom.

    Args:
        differences: paired differences, (n,).

    Returns:
        The p; 1 if all differences are zero; None for fewer than two pairs, or if all differences are equal but not
        zero, so that their standard deviation is 0.
    """
    from scipy.special import stdtr

    d = np.asarray(differences, float)
    if d.size and not d.any():
        return 1.0
    if is_constant(d):
        return None
    t = abs(d.mean()) / (d.std(ddof=1) / math.sqrt(d.size))
    return float(2 * stdtr(d.size - 1, -t))


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


def sample_size_to_narrow(n: int, excess: float) -> int:
    """Return the smallest sample size at which Student's 95% interval of a mean is narrower than now by a factor.

    Args:
        n: size of the present sample.
        excess: the factor, present width / wanted width, for the same standard deviation.

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
