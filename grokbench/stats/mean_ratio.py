"""The ratio of two means, with Fieller's interval."""

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["ratio_of_means_interval"]


def ratio_of_means_interval(
    numerator: ArrayLike, denominator: ArrayLike, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Compute Fieller's (1954, J. R. Statist. Soc. B 16) confidence interval of a ratio of means of paired samples.

    The interval contains every ratio r for which Student's paired t test of numerator - r x denominator does not reject
    zero. A bootstrap interval of few pairs would contain the ratio too rarely, and would need random draws. The lower
    end is truncated at 0, because times are positive.

    Args:
        numerator: times, (n,).
        denominator: times of the same seeds, (n,).
        confidence: coverage for normal distributions.

    Returns:
        Both ends; (None, None) for fewer than two pairs, or if the denominator's mean does not differ significantly
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
    (ee, ey), _ = np.cov(x - ratio * y, y)  # from residuals, because the usual discriminant suffers from cancellation
    half = math.sqrt(q * (a * ee + q * ey**2))
    return max(0.0, float(ratio - (q * ey + half) / a)), float(ratio - (q * ey - half) / a)
