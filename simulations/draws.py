"""Random draws with keys, and log-normal times, for all simulations."""

import zlib
from collections.abc import Iterable

import numpy as np

from grokbench.stats import Floats

__all__ = ["Row", "generator", "log_times", "rate"]

Row = dict[str, str | int | float]


def generator(name: str, *numbers: int) -> np.random.Generator:
    """Return the generator of a cell of a simulation, whatever ran before.

    Args:
        name: of the simulation.
        numbers: of the cell, at least 0.
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([zlib.crc32(name.encode()), *numbers])))


def log_times(
    rng: np.random.Generator, shape: tuple[int, ...], spread: float, shared: float = 0.3, skewed: bool = False
) -> Floats:
    """Draw logarithms of times around zero; those of a seed have a part in common, as those of paired seeds do.

    Args:
        rng: source of the draws.
        shape: the last axis is that of the methods, which share the seeds' part.
        spread: their standard deviation.
        shared: share of the variance that the methods of a seed have in common.
        skewed: from a gamma distribution of shape 2 and skewness 1.4 in place of the normal one.
    """

    def standard(size: tuple[int, ...]) -> Floats:
        return (rng.gamma(2.0, 1.0, size) - 2.0) / 2.0**0.5 if skewed else rng.normal(size=size)

    return spread * (shared**0.5 * standard((*shape[:-1], 1)) + (1 - shared) ** 0.5 * standard(shape))


def rate(hits: Iterable[bool]) -> float:
    """Return the share of hits, to four decimals."""
    return round(float(np.mean(list(hits))), 4)
