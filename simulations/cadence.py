"""Coverage of the 95% interval of the log ratio at a coarse cadence: 94% at the least.

A time is known to lie in one interval between evaluations, of 4 to 50% of the fast method's time. The interval of
`sign_flip_interval_between` is that of the least favourable times; the naive one takes the evaluations for the times.
An interval covers the true mean log ratio if its test does not reject the differences from it.
"""

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
    """Return a row per number of seeds, cadence and speed-up: the coverage, and that of the naive interval.

    Args:
        suites: simulated per row; two fifths of them with 25 seeds, which take longer.
    """
    return [
        _row(n, cadence, speedup, -(-2 * suites // 5) if n == 25 else suites)
        for n in SEEDS
        for cadence in CADENCES
        for speedup in SPEEDUPS
    ]


def _row(n: int, cadence: int, speedup: float, suites: int) -> Row:
    rng = generator("cadence", n, cadence, int(10 * speedup))
    truth = float(np.log(_epochs(rng, (200_000, 2), speedup)) @ [1, -1] @ np.full(200_000, 1 / 200_000))
    most = -(-_epochs(rng, (suites, n, 2), speedup) // cadence) * cadence  # the evaluation that found it
    least = most - cadence + 1
    low, high = (np.log(a[..., 0] / b[..., 1]) - truth for a, b in ((least, most), (most, least)))
    naive = np.log(most[..., 0] / most[..., 1]) - truth
    return {
        "seeds": n,
        "cadence": f"{100 * cadence // FAST}%",
        "speedup": speedup,
        "coverage": rate(stats.sign_flip_between(*ends) > 0.05 for ends in zip(low, high, strict=True)),
        "naive coverage": rate(stats.sign_flip(each) > 0.05 for each in naive),
    }


def _epochs(rng: np.random.Generator, shape: tuple[int, ...], speedup: float) -> Floats:
    """Draw whole epochs to grok, those of the baseline and those of the method on the last axis."""
    return np.ceil(FAST * np.array([speedup, 1.0]) * np.exp(log_times(rng, shape, SPREAD)))
