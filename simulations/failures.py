"""Tests of suites in which methods fail on some seeds, at budgets of 1.1 to 100 times the baseline's median.

`rule` is the rule of the leaderboard: `misses_last`, the exact sign test, if a seed of either row did not grok,
otherwise the sign-flip test of the log ratios. It is compared with two tests that flip signs within pairs and count a
seed that both sides missed as a tie: signed ranks with misses ranked last, and the pooled ranks behind the win ratio
(Finkelstein and Schoenfeld 1999). All budgets are applied to the same times.
"""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from grokbench import stats
from grokbench.stats import Floats

from .draws import Row, generator, log_times, rate

SUITES = 1000  # suites of 25 seeds; four times as many suites of 10 seeds
ALPHA = 0.05
BUDGETS = (1.1, 1.5, 3.0, 10.0, 100.0)
CASES = {  # speed-up, share of seeds on which (baseline, method) diverge, seeds, standard deviation of the log times
    "no effect, a third fails": (1.0, (0.3, 0.3), 25, 0.3),
    "no effect, none fails": (1.0, (0.0, 0.0), 10, 0.3),
    "no effect, a tenth fails": (1.0, (0.1, 0.1), 10, 0.3),
    "twice as fast on 70%, diverges on 30%, spread 0.2": (2.0, (0.0, 0.3), 25, 0.2),
    "twice as fast on 70%, diverges on 30%, spread 0.3": (2.0, (0.0, 0.3), 25, 0.3),
    "1.4 times as fast, 4% fail": (1.4, (0.04, 0.04), 25, 0.25),
    "1.4 times as fast, 10% fail": (1.4, (0.0, 0.1), 10, 0.25),
}


def simulate(suites: int) -> list[Row]:
    """Return a row for each case and test: how often the test finds the method faster or slower at each budget.

    `agreement` is the share of suites in which the conclusion is the same at all budgets but the smallest.

    Args:
        suites: the number of suites to simulate for a case of 25 seeds.
    """
    return [row for number, name in enumerate(CASES) for row in _rows(number, name, suites)]


def _rows(number: int, name: str, suites: int) -> Iterable[Row]:
    speedup, shares, n, spread = CASES[name]
    rng, suites = generator("failures", number), suites if n == 25 else 4 * suites
    times = np.exp(log_times(rng, (suites, n, 2), spread)) / [1.0, speedup]
    times[rng.random(times.shape) < shares] = np.inf
    for test, conclude in TESTS.items():
        found = np.array([[conclude(suite.T, budget) for budget in BUDGETS] for suite in times])
        row: Row = {"case": name, "test": test, "agreement": rate((found[:, 1:] == found[:, 1:2]).all(axis=1))}
        for budget, at in zip(BUDGETS, found.T, strict=True):
            row |= {f"faster at {budget:g}": rate(at > 0), f"slower at {budget:g}": rate(at < 0)}
        yield row


def _rule(times: Floats, budget: float) -> int:
    low, high = stats.log_ratio_brackets(*(_censored(side, budget) for side in times))
    if (times > budget).any():
        return _conclusion(stats.misses_last(low, high), stats.misses_last_favours(low, high))
    return _conclusion(stats.sign_flip_between(low, high), stats.mean_between(low, high))


def _signed_ranks(times: Floats, budget: float) -> int:
    before, after = np.where(times > budget, np.inf, times)
    both = np.isinf(before) & np.isinf(after)
    ratios = np.where(both, 1.0, before) / np.where(both, 1.0, after)
    with np.errstate(divide="ignore"):
        return _flipped(stats.signed_ranks(np.log(ratios)))


def _pooled_ranks(times: Floats, budget: float) -> int:
    values = np.where(times > budget, 2 * budget, times)
    pooled = np.sort(values, axis=None)
    ranks = np.searchsorted(pooled, values, "left") + np.searchsorted(pooled, values, "right")
    return _flipped((ranks[0] - ranks[1]).astype(float))


def _censored(times: Floats, budget: float) -> Floats:
    """Return the least and the greatest possible times (2, n): from the budget on if censored, infinite if diverged."""
    least = np.where(np.isinf(times), np.inf, np.minimum(times, budget))
    return np.stack([least, np.where(times > budget, np.inf, times)])


def _flipped(scores: Floats) -> int:
    return _conclusion(_sign_flip(tuple(np.sort(scores))), float(scores.sum()))


@cache
def _sign_flip(scores: tuple[float, ...]) -> float | None:
    return stats.sign_flip(scores)


def _conclusion(p: float | None, favours: float) -> int:
    return int(np.sign(favours)) if p is not None and p <= ALPHA else 0


TESTS: dict[str, Callable[[Floats, float], int]] = {
    "rule": _rule,
    "signed ranks": _signed_ranks,
    "win ratio": _pooled_ranks,
}
