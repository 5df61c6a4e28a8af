"""Type I error of claims of equivalence at 0.05: the ratio is claimed to lie within the margin, but equals it.

With a cadence of evaluations, the test knows only brackets of the log ratios; the widest are half the margin wide.
"""

import math

from grokbench import stats

from .draws import Row, generator, log_times, rate

SUITES = 3000
ALPHA = 0.05
MARGIN = math.log(1.05)
SEEDS = (6, 10, 15)


def simulate(suites: int) -> list[Row]:
    """Return a row for each number of seeds, spread and width of brackets: the error, and the power without an effect.

    Args:
        suites: the number of suites to simulate for a row.
    """
    return [
        _row(n, spread, width, suites) for n in SEEDS for spread in (0.01, 0.03, 0.06) for width in (0.0, MARGIN / 2)
    ]


def _row(n: int, spread: float, width: float, suites: int) -> Row:
    rng = generator("equivalence", n, int(1000 * spread), width > 0)
    times = log_times(rng, (suites, n, 2), spread)
    low = times[..., 0] - times[..., 1] - rng.uniform(0, 1, (suites, n)) * width
    return {
        "seeds": n,
        "spread": spread,
        "width": round(width, 4),
        "error": rate(stats.equivalence(x + MARGIN, x + MARGIN + width, MARGIN) <= ALPHA for x in low),
        "power": rate(stats.equivalence(x, x + width, MARGIN) <= ALPHA for x in low),
    }
