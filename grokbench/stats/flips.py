"""The exact sign-flip test of paired differences, and the interval that its inversion gives.

The question: had the two labels of any seed pair been exchanged, how often would the mean be as extreme?
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EXACT_PAIRS",
    "MONTE_CARLO_DRAWS",
    "TIE",
    "Floats",
    "pairs_needed",
    "sign_flip",
    "sign_flip_interval",
    "smallest_p",
]

Floats = NDArray[np.float64]

EXACT_PAIRS = 26  # up to here all 2^n sign flips are counted
MONTE_CARLO_DRAWS = 65535  # beyond: p is a multiple of 1/65536, with a standard error of at most 0.002 (0.0009 at 0.05)
TIE = 1e-13  # relative to the sum of absolute differences: what rounding alone may separate
BISECTIONS = 40  # an interval's ends are found to 2^-40 of the spread of the differences


def sign_flip(differences: ArrayLike) -> float | None:
    """Two-sided p of the mean of paired `differences` (n,), by flipping their signs (Fisher 1935, section 21).

    Exact for n <= EXACT_PAIRS: the signed sums of both halves are listed, one list is sorted and searched (meet in
    the middle, 2^(n/2) work). Beyond, MONTE_CARLO_DRAWS random flips under a fixed key. Ties up to rounding count
    as extreme. All differences zero, or one pair: 1. No pairs: None.
    """
    d = _in_order(differences)
    return _p_of_shift(d)(0.0) if d.size else None


def sign_flip_interval(differences: ArrayLike, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Interval of the mean of paired `differences` (n,): every shift that `sign_flip` does not reject.

    Its ends are order statistics of the subset means (Hartigan 1969, J. Amer. Statist. Assoc. 64), found here by
    bisection. (None, None) when smallest_p(n) > 1 - confidence: nothing could be rejected. Constant c: (c, c).
    """
    d = _in_order(differences)
    alpha = 1 - confidence
    if d.size == 0 or smallest_p(d.size) > alpha:
        return None, None
    p, spread = _p_of_shift(d), float(d.max() - d.min())
    low = _edge(p, alpha, inside=float(d.mean()), outside=float(d.min()) - spread)
    return low, _edge(p, alpha, inside=float(d.mean()), outside=float(d.max()) + spread)


def smallest_p(pairs: int) -> float:
    """The smallest two-sided p that `sign_flip` of n `pairs` can reach: 2/2^n, or one draw's share; 1 without pairs."""
    return 1 / (1 + MONTE_CARLO_DRAWS) if pairs > EXACT_PAIRS else min(1.0, 2.0 ** (1 - pairs))


def pairs_needed(tests: int, alpha: float = 0.05) -> int:
    """The fewest pairs at which the smallest p survives Holm over `tests` comparisons: tests x 2/2^n <= alpha."""
    return max(1, math.ceil(1 + math.log2(max(tests, 1)) - math.log2(alpha) - TIE))


def _in_order(differences: ArrayLike) -> Floats:
    """The differences (n,), ascending: no result may depend on the order of the seeds, not even by a rounding."""
    return np.sort(np.asarray(differences, float))


def _p_of_shift(d: Floats) -> Callable[[float], float]:
    """The function from a shift t to the sign-flip p of d - t; what does not depend on t is computed once."""
    flips = _all_flips if d.size <= EXACT_PAIRS else _drawn_flips
    share = flips(d)

    def p(shift: float) -> float:
        x = d - shift
        target = abs(x.sum()) - TIE * np.abs(x).sum()
        return share(shift, float(target)) if target > 0 else 1.0

    return p


def _all_flips(d: Floats) -> Callable[[float, float], float]:
    """Share of all 2^n flips of d - shift whose absolute sum reaches target > 0."""
    (left, left_signs), (right, right_signs) = (_signed_sums(half) for half in np.split(d, [d.size // 2]))

    def share(shift: float, target: float) -> float:
        ordered = np.sort(right - shift * right_signs)
        below = np.searchsorted(ordered, target - (left - shift * left_signs), side="left")
        return 2 * float((ordered.size - below).sum()) / 2.0**d.size  # twice: sums come in pairs of either sign

    return share


def _drawn_flips(d: Floats) -> Callable[[float, float], float]:
    """As `_all_flips`, estimated; the data's own signs are one draw more, so that p is never 0."""
    signs = 1.0 - 2.0 * np.random.Generator(np.random.Philox(key=0)).integers(0, 2, (MONTE_CARLO_DRAWS, d.size))
    sums, counts = signs @ d, signs.sum(axis=1)
    return lambda shift, target: float(1 + (np.abs(sums - shift * counts) >= target).sum()) / (1 + MONTE_CARLO_DRAWS)


def _signed_sums(d: Floats) -> tuple[Floats, Floats]:
    """All 2^n sums of +-d (n,), and of +-1 with the same signs."""
    sums, signs = np.zeros(1), np.zeros(1)
    for x in d:
        sums, signs = np.concatenate([sums + x, sums - x]), np.concatenate([signs + 1, signs - 1])
    return sums, signs


def _edge(p: Callable[[float], float], alpha: float, inside: float, outside: float) -> float:
    """The last shift, from `inside` towards `outside`, that is not rejected; p falls on the way."""
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if p(middle) > alpha else (inside, middle)
    return inside
