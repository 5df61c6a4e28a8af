"""The number of paired seeds with which a test has the wanted power."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from grokbench import stats
from grokbench.stats import Floats
from grokbench.stats.normal import power_of_t

__all__ = [
    "MOST_SEEDS",
    "SIMULATIONS",
    "Aim",
    "enough_seeds",
    "fewest_seeds",
    "power_at_limit",
    "power_of",
    "simulated_power",
]

MOST_SEEDS = 1000  # more seeds are impractical to train
SIMULATIONS = 500  # simulated experiments; the standard error of the power is at most 0.022
BLOCK = 4096  # random flips at once, the same for all experiments, if the pairs are too many to list all flips
PowerOf = Callable[[int], float]  # number of seeds -> power


@dataclass(frozen=True)
class Aim:
    """A speed-up to detect, and the test that must detect it.

    Attributes:
        speedup: the speed-up, above 1.
        power: the probability with which it must be detected, between 0 and 1.
        planned: the number of the suite's seeds.
        family: the number of comparisons over which Holm corrects; 1 without a correction.
        alpha: the suite's alpha.
        primary: the suite's own test, for display only; the power is always that of the sign-flip test.
    """

    speedup: float
    power: float
    planned: int
    family: int
    alpha: float
    primary: str = "sign_flip"

    @property
    def strictest(self) -> float:
        """The largest p that is significant at the first step of Holm's procedure."""
        return self.alpha / max(self.family, 1)

    @property
    def quantiles(self) -> float:
        """The sum of two standard normal quantiles: at 1 - `strictest` / 2 and at `power`."""
        from scipy.special import ndtri

        return float(ndtri(1 - self.strictest / 2) + ndtri(self.power))


def fewest_seeds(power: PowerOf, spread: float, aim: Aim) -> int | None:
    """Find the smallest number of seeds with the wanted simulated power, starting at the normal approximation.

    The result is None if more than MOST_SEEDS are needed.

    Args:
        power: the power as a function of the number of seeds.
        spread: standard deviation of the log ratios.
        aim: the speed-up and the test.
    """
    seeds = enough_seeds(power, spread, aim)
    while seeds is not None and seeds > _least_pairs(aim) and power(seeds - 1) >= aim.power:
        seeds -= 1
    return seeds


def enough_seeds(power: PowerOf, spread: float, aim: Aim, least: int = 1) -> int | None:
    """Find a number of seeds with the wanted simulated power: increase the normal approximation in steps of 5%.

    The result is None if more than MOST_SEEDS are needed.

    Args:
        power: the power as a function of the number of seeds.
        spread: standard deviation of the log ratios.
        aim: the speed-up and the test.
        least: the smallest number to consider.
    """
    seeds = max(least, _least_pairs(aim), math.ceil((aim.quantiles * spread / math.log(aim.speedup)) ** 2))
    while seeds <= MOST_SEEDS and power(seeds) < aim.power:
        seeds += max(1, seeds // 20)
    return seeds if seeds <= MOST_SEEDS else None


def _least_pairs(aim: Aim) -> int:
    return stats.pairs_needed(1, aim.strictest)


def power_of(residuals: Floats, aim: Aim) -> PowerOf:
    """Return the simulated power as a function of the number of seeds; each number is simulated only once.

    Args:
        residuals: log ratios (n,) around their mean.
        aim: the speed-up and the test.
    """
    return cache(partial(simulated_power, residuals, math.log(aim.speedup), aim.strictest))


def power_at_limit(residuals: Floats, spread: float, widened: float, aim: Aim) -> PowerOf:
    """Return the power at the upper limit of the spread as a function of the number of seeds.

    Beyond EXACT_PAIRS pairs the result is the power of Student's t test, which equals that of the sign-flip test here,
    because the limit assumes normal log ratios.

    Args:
        residuals: log ratios (n,) around their mean.
        spread: their standard deviation.
        widened: the upper limit of the spread, divided by the spread.
        aim: the speed-up and the test.
    """
    simulated, effect = power_of(widened * residuals, aim), math.log(aim.speedup)

    def power(seeds: int) -> float:
        if seeds <= stats.EXACT_PAIRS or not spread or stats.smallest_p(seeds) > aim.strictest:
            return simulated(seeds)
        return power_of_t(effect / (widened * spread), seeds, aim.strictest)

    return power


def simulated_power(residuals: Floats, effect: float, alpha: float, seeds: int) -> float:
    """Simulate the power of the sign-flip test: the share of SIMULATIONS experiments in which it finds the effect.

    Args:
        residuals: log ratios (n,) around their mean; the pairs are drawn from them with replacement.
        effect: the true mean log ratio.
        alpha: the largest p that is significant.
        seeds: the number of pairs in an experiment.
    """
    if stats.smallest_p(seeds) > alpha:
        return 0.0
    generator = np.random.Generator(np.random.Philox(key=seeds))
    logs = effect + residuals[generator.integers(0, residuals.size, (SIMULATIONS, seeds))]
    if seeds <= stats.EXACT_PAIRS:
        p = np.array([stats.sign_flip(experiment) for experiment in logs])
    else:
        reached, blocks = np.ones(SIMULATIONS), -(-stats.MONTE_CARLO_DRAWS // BLOCK)
        for _ in range(blocks):
            flipped = (1.0 - 2.0 * generator.integers(0, 2, (BLOCK, seeds))) @ logs.T  # (BLOCK, SIMULATIONS)
            reached += (np.abs(flipped) >= np.abs(logs.sum(1))).sum(0)
        p = reached / (1 + blocks * BLOCK)
    return float(((p <= alpha) & (logs.mean(1) > 0)).mean())
