"""Statistics of normal samples: the uncertainty of their standard deviation, and the power of Student's t test."""

import math

__all__ = ["deviation_limit", "power_of_t"]


def deviation_limit(deviation: float, n: int, confidence: float = 0.8) -> float:
    """Compute the upper limit of a one-sided confidence interval of a standard deviation, by the chi-square quantile.

    With (n - 1) s^2 / sigma^2 distributed as chi-square with n - 1 degrees of freedom, sigma is at most
    s sqrt((n - 1) / q) with the given confidence, where q is the quantile of 1 - confidence.

    Args:
        deviation: the standard deviation s of the sample, with the divisor n - 1.
        n: size of the sample, at least 2.
        confidence: coverage, for a normal distribution.
    """
    from scipy.special import chdtri

    return deviation * math.sqrt((n - 1) / float(chdtri(n - 1, confidence)))


def power_of_t(effect: float, n: int, alpha: float = 0.05) -> float:
    """Compute the probability that a two-sided paired t test is significant in the direction of a true effect.

    Args:
        effect: the true mean difference / the standard deviation of the differences, above 0.
        n: pairs, at least 2.
        alpha: level of the test.
    """
    from scipy.special import nctdtr, stdtrit

    return 1.0 - float(nctdtr(n - 1, effect * math.sqrt(n), stdtrit(n - 1, 1 - alpha / 2)))
