"""Error of the valid end of a bound, given that censoring formed one: 2.5% at the most.

A speed-up becomes a bound if some seed of one side did not grok by the budget. This is more likely if the side's times
are long by chance. Given a bound, the valid end therefore errs more often than the interval promises. The end is
computed twice: at the confidence of `bound_confidence`, and at 95%.
"""

import numpy as np

from grokbench import stats
from grokbench.stats import Floats, bound_confidence

from .draws import Row, generator, log_times, rate

SUITES = 6000  # suites with a bound
SPREAD = 0.3
BUDGETS = (1.5, 2.0, 2.5, 3.0)  # standard deviations above the mean of the side that is censored
SEEDS = (6, 10, 25)


def simulate(suites: int) -> list[Row]:
    """Return a row for each number of seeds, distribution and budget: the errors of the valid end at both levels.

    Args:
        suites: the number of suites with a bound to simulate for a row; a third as many for 25 seeds, which take
            longer.
    """
    return [
        _row(n, skewed, budget, -(-suites // 3) if n == 25 else suites)
        for n in SEEDS
        for skewed in (False, True)
        for budget in BUDGETS
    ]


def _row(n: int, skewed: bool, budget: float, suites: int) -> Row:
    differences = _bounds(n, skewed, budget, suites)
    p = np.array([stats.sign_flip(each) if each.mean() > 0 else 1.0 for each in differences])
    return {
        "seeds": n,
        "skewed": skewed,
        "budget": budget,
        "error": rate(p <= 1 - bound_confidence(0.95, n) + 1e-12),
        "error at 95%": rate(p <= 0.05),  # its lower end is above the true log ratio of 0
    }


def _bounds(n: int, skewed: bool, budget: float, suites: int) -> Floats:
    """Draw log ratios (suites, n) of suites without an effect in which some seed of the baseline is censored."""
    rng, found = generator("bounds", n, skewed, int(10 * budget)), np.zeros((0, n))
    while len(found) < suites:
        times = log_times(rng, (5 * suites, n, 2), SPREAD, shared=0.0, skewed=skewed)  # a shared part errs less
        formed = (times[..., 0] > budget * SPREAD).any(axis=1)
        ratios = np.minimum(times[formed, :, 0], budget * SPREAD) - times[formed, :, 1]
        found = np.concatenate([found, ratios])
    return found[:suites]
