"""Group-sequential designs: the nominal levels of declared looks at a growing sample, and the p value of a design.

A design spends its level alpha over the looks by the function of Lan and DeMets (1983, Biometrika 70) that resembles
the boundaries of O'Brien and Fleming: little at early looks, nearly all at the last. The boundaries follow by numerical
integration of the sub-density of the statistic at each look, of designs that did not stop before that look (Armitage,
McPherson and Rowe 1969, J. R. Statist. Soc. A 132).

The information at n seeds is n / (1 + 4 / n). A sign-flip p is relative to the sum of the squared differences so far,
whose relative variance is (kurtosis - 1) / n: 2 / n for normal differences, 4 / n for heavier tails. Looks at few seeds
are therefore less correlated than the sums are. With the information n, the type I error of looks at each of 6 to 20
seeds is above 5.5%; see the simulation `looks`.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from grokbench.stats.sign_flip_test import Floats, smallest_p

__all__ = ["boundaries", "sequential_p", "spent", "undecidable"]

NODES = 128  # nodes of the quadrature; z is accurate to 1e-6 even if looks are 1/20 of the sample apart
REACH = 8.5  # the integrals end at this many standard deviations of the statistic; a mass of 2e-17 lies beyond
HALVINGS = 40  # bisections for the logarithm of a sequential p


def spent(fraction: float, alpha: float) -> float:
    """Compute the two-sided level that may be spent up to a look, by a spending function of O'Brien and Fleming's type.

    Each side spends 2 - 2 Phi(z / sqrt(fraction)) of its alpha / 2, where z is the quantile of 1 - alpha / 4.

    Args:
        fraction: the information at the look / the information at the last look, in (0, 1].
        alpha: two-sided level of the design.

    Returns:
        The level, which is alpha at the fraction 1.
    """
    from scipy.special import ndtr, ndtri

    return float(4 * ndtr(ndtri(alpha / 4) / math.sqrt(fraction)))


def boundaries(looks: Sequence[int], alpha: float) -> list[float]:
    """Compute, for each look of a design, the nominal two-sided p at or below which the look is significant.

    Four equal looks at 0.05 have the boundaries z = 4.333, 2.963, 2.359 and 2.014, if the sample is large.

    Args:
        looks: numbers of seeds, ascending; the last is the full sample.
        alpha: two-sided level of the design.

    Returns:
        The nominal p values, one per look.
    """
    return list(_nominal(tuple(looks), len(looks), alpha))


def sequential_p(looks: Sequence[int], p_values: Sequence[float | None]) -> float:
    """Compute the smallest level at which a design rejects at one of the looks that were made.

    The nominal p of every look rises with the level, so the designs are nested. This p value can be adjusted by `holm`
    like any other.

    Args:
        looks: numbers of seeds of all looks of the design, ascending.
        p_values: the p values of the looks that were made, in order; None counts as 1.

    Returns:
        The p; for a design with one look, the p of the test itself.
    """
    found = [1.0 if p is None else p for p in p_values]
    low, high = min(found, default=1.0), 1.0
    if _rejects(looks, found, low):
        return low
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _rejects(looks, found, middle) else (middle, high)
    return high


def undecidable(looks: Sequence[int], alpha: float) -> list[int]:
    """List the looks that have too few pairs for the sign-flip test to reach their nominal p.

    Args:
        looks: numbers of seeds, ascending.
        alpha: two-sided level of the design.

    Returns:
        The looks whose nominal p is below `smallest_p` of the sign-flip test.
    """
    return [n for n, p in zip(looks, boundaries(looks, alpha), strict=True) if p < smallest_p(n)]


def _rejects(looks: Sequence[int], p_values: Sequence[float], alpha: float) -> bool:
    nominal = _nominal(tuple(looks), len(p_values), alpha)
    return any(p <= level * (1 + 1e-9) for p, level in zip(p_values, nominal, strict=True))


@lru_cache(maxsize=1024)
def _nominal(looks: tuple[int, ...], made: int, alpha: float) -> tuple[float, ...]:
    """Return the nominal p of the first looks; the statistic is a Brownian motion at the shares of information."""
    from scipy.special import ndtr

    found: list[float] = []
    at, mass = np.zeros(1), np.ones(1)  # nodes of the sub-density, and its mass at each
    before = 0.0
    for n in looks[:made]:
        fraction = _information(n) / _information(looks[-1])
        step = math.sqrt(fraction - before)
        side = (spent(fraction, alpha) - (spent(before, alpha) if before else 0.0)) / 2
        bound = _bound(partial(_beyond, at, mass, step), side, REACH * math.sqrt(fraction))
        found.append(float(2 * ndtr(-bound / math.sqrt(fraction))))
        at, mass = _continued(at, mass, step, bound)
        before = fraction
    return tuple(found)


def _information(n: int) -> float:
    return n / (1 + 4 / n)


def _beyond(at: Floats, mass: Floats, step: float, bound: float) -> float:
    """Return the mass that lies beyond a boundary one step later."""
    from scipy.special import ndtr

    return float(mass @ ndtr((at - bound) / step))


def _bound(beyond: Callable[[float], float], side: float, farthest: float) -> float:
    """Return the boundary beyond which the mass `side` lies."""
    from scipy.optimize import brentq

    if beyond(0.0) <= side:
        return 0.0
    return farthest if beyond(farthest) >= side else float(brentq(lambda b: beyond(b) - side, 0.0, farthest))


def _continued(at: Floats, mass: Floats, step: float, bound: float) -> tuple[Floats, Floats]:
    """Return the nodes (NODES,) and the masses of the sub-density within the boundary, one step later."""
    nodes, weights = _quadrature()
    later = bound * nodes
    density = np.exp(-(((later[:, None] - at) / step) ** 2) / 2) / (step * math.sqrt(2 * math.pi))
    return later, bound * weights * (density @ mass)


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Floats, Floats]:
    """Return the nodes and the weights of Gauss-Legendre quadrature on (-1, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights
