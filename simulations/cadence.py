"""Coverage of the 95% interval of the log ratio at a coarse cadence: 94% at the least.

A time is only known to lie in an interval between two evaluations, whose length is 4 to 50% of the fast method's time.
The confidence interval of `sign_flip_interval_between` uses the least favourable times in these intervals; the naive
one uses the epochs of the evaluations as times. A confidence interval covers the true mean log ratio if its test does
not reject this value.
"""

from functools import cache

import numpy as np

from grokbench import stats
from grokbench.stats import Floats

from .draws import Row, generator, log_times, rate

SUITES = 2500
FAST = 200  # median epochs of the method
SPREAD = 0.2
SPEEDUPS = (1.0, 2.1)
CADENCES = (8, 20, 50, 100)  # epochs
SEEDS = (6, 10, 25)


def simulate(suites: int) -> list[Row]:
    """Return a row for each number of seeds, cadence and speed-up: the coverage of the interval and of the naive one.

    Args:
        suites: the number of suites to simulate for a row; two fifths as many for 25 seeds, which take longer.
    """
    return [
        _row(n, cadence, speedup, -(-2 * suites // 5) if n == 25 else suites)
        for n in SEEDS
        for cadence in CADENCES
        for speedup in SPEEDUPS
    ]


def _row(n: int, cadence: int, speedup: float, suites: int) -> Row:
    rng = generator("cadence", n, cadence, int(10 * speedup))
    most = -(-_epochs(rng, (suites, n, 2), speedup) // cadence) * cadence  # the evaluation that found it
    least = most - cadence + 1
    low, high = (np.log(a[..., 0] / b[..., 1]) - _truth(speedup) for a, b in ((least, most), (most, least)))
    naive = np.log(most[..., 0] / most[..., 1]) - _truth(speedup)
    return {
        "seeds": n,
        "cadence": f"{100 * cadence // FAST}%",
        "speedup": speedup,
        "coverage": rate(stats.sign_flip_between(*ends) > 0.05 for ends in zip(low, high, strict=True)),
        "naive coverage": rate(stats.sign_flip(each) > 0.05 for each in naive),
    }


@cache
def _truth(speedup: float) -> float:
    """Return the mean log ratio of whole epochs, which differs by rounding from the log of the speed-up."""
    epochs = _epochs(generator("truth", int(10 * speedup)), (400_000, 2), speedup)
    return float(np.log(epochs[:, 0] / epochs[:, 1]).mean())


def _epochs(rng: np.random.Generator, shape: tuple[int, ...], speedup: float) -> Floats:
    """Draw whole epochs to grok; the last axis has those of the baseline and those of the method."""
    return np.ceil(FAST * np.array([speedup, 1.0]) * np.exp(log_times(rng, shape, SPREAD)))
