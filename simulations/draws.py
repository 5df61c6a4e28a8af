"""Random draws with fixed keys, and times to grok, for all simulations."""

import zlib
from collections.abc import Iterable

import numpy as np

from grokbench.stats import Floats

__all__ = ["Row", "generator", "log_times", "rate"]

Row = dict[str, str | int | float]


def generator(name: str, *numbers: int) -> np.random.Generator:
    """Return the random generator for a row of a simulation; the draws do not depend on what ran before.

    Args:
        name: the name of the simulation.
        numbers: the numbers that identify the row, at least 0.
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([zlib.crc32(name.encode()), *numbers])))


def log_times(
    rng: np.random.Generator, shape: tuple[int, ...], spread: float, shared: float = 0.3, skewed: bool = False
) -> Floats:
    """Draw logarithms of times with mean zero; the methods have a part of each seed in common, as in paired runs.

    Args:
        rng: source of the draws.
        shape: the shape of the result; the methods are on the last axis.
        spread: the standard deviation of the logarithms.
        shared: share of the variance that the methods of a seed have in common.
        skewed: whether to draw from a gamma distribution of shape 2 (skewness 1.4) instead of a normal one.
    """

    def standard(size: tuple[int, ...]) -> Floats:
        return (rng.gamma(2.0, 1.0, size) - 2.0) / 2.0**0.5 if skewed else rng.normal(size=size)

    return spread * (shared**0.5 * standard((*shape[:-1], 1)) + (1 - shared) ** 0.5 * standard(shape))


def rate(hits: Iterable[bool]) -> float:
    """Return the share of hits, to four decimals."""
    return round(float(np.mean(list(hits))), 4)
