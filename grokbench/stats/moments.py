"""Standardised moments of paired differences: effect size and skewness."""

import math

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.sign_flip_test import TIE, Floats

__all__ = ["effect_size", "is_constant", "skewness"]


def effect_size(differences: ArrayLike) -> float | None:
    """Compute Cohen's (1988) d_z for paired samples: the mean difference / the standard deviation of the differences.

    Args:
        differences: paired differences, (n,); their standard deviation has the divisor n - 1.

    Returns:
        The effect size; 0 if all differences are zero; None for fewer than two pairs, or if all differences are equal
        but not zero.
    """
    d = np.asarray(differences, float)
    if d.size and not d.any():
        return 0.0
    return None if is_constant(d) else float(d.mean() / d.std(ddof=1))


def skewness(differences: ArrayLike) -> float | None:
    """Compute the adjusted Fisher-Pearson sample skewness G1 (Joanes and Gill 1998, The Statistician 47).

    Args:
        differences: paired differences, (n,).

    Returns:
        sqrt(n (n - 1)) / (n - 2) x m3 / m2^1.5 with the central moments m2 and m3; None for fewer than three pairs, or
        if all differences are equal.
    """
    d = np.asarray(differences, float)
    n = d.size
    if n < 3 or is_constant(d):
        return None
    centred = d - d.mean()
    return float(math.sqrt(n * (n - 1)) / (n - 2) * (centred**3).mean() / (centred**2).mean() ** 1.5)


def is_constant(d: Floats) -> bool:
    """Return whether the values d (n,) are equal up to rounding; True for one value, or none."""
    return d.size < 2 or float(np.ptp(d)) <= TIE * float(np.abs(d).max())
