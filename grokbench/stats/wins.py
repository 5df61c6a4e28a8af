"""The probability of superiority of paired samples, and its confidence interval."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["superiority", "superiority_interval"]


def superiority(baseline: ArrayLike, method: ArrayLike) -> float | None:
    """Estimate the probability of superiority (Grissom 1994) for paired samples.

    Args:
        baseline: times, (n,); infinite for a seed that never grokked.
        method: times of the same seeds, (n,).

    Returns:
        The share of pairs in which the method's time is smaller, with ties counted half; None without pairs.
    """
    before, after = np.asarray(baseline, float), np.asarray(method, float)
    return float(np.mean((after < before) + (after == before) / 2)) if before.size else None


def superiority_interval(wins: int, ties: int, n: int, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Compute the interval of Clopper and Pearson (1934, Biometrika 26) of the probability of superiority.

    The count wins + ties / 2 enters quantiles of beta distributions. A tie, which counts half for both sides, varies
    less than a random win or loss, so the interval is conservative if there are ties.

    Args:
        wins: pairs in which the method's time is smaller.
        ties: pairs without a difference.
        n: number of pairs.
        confidence: least coverage.

    Returns:
        Both ends; (None, None) without pairs.
    """
    from scipy.special import betaincinv

    if n == 0:
        return None, None
    count, tail = wins + ties / 2, (1 - confidence) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count > 0 else 0.0
    return low, float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
