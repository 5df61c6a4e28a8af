"""The median, with its distribution-free interval."""

from collections.abc import Sequence

__all__ = ["median_interval"]


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Compute a distribution-free confidence interval of the median between two order statistics (Thompson 1936).

    The interval from the k-th smallest to the k-th largest of n values misses the median with a probability of at most
    2 P(Binomial(n, 1/2) < k), for any distribution. It inverts the sign test; k is the largest number with which the
    interval reaches the confidence.

    Args:
        values: the sample, (n,).
        confidence: the least coverage.

    Returns:
        Both ends; (None, None) if even the interval from the smallest to the largest value does not reach the
        confidence, as with fewer than 6 values at 95%.
    """
    n, k, ways = len(values), 0, 1  # ways: the binomial coefficient n over k
    miss = 2 / 2**n  # of ints: a float cannot hold 2^1024
    while miss <= (1 - confidence) * (1 + 1e-12) and k < (n + 1) // 2:
        ways = ways * (n - k) // (k + 1)
        k += 1
        miss += 2 * ways / 2**n
    if k == 0:
        return None, None
    ordered = sorted(values)
    return float(ordered[k - 1]), float(ordered[n - k])
