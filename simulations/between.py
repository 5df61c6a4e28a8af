"""Differences between all methods of a task, by Holm's adjustment over pairs and by a step-down max-T procedure.

Among equal methods any difference that is found is an error. Holm's adjustment of exact sign-flip tests holds under any
dependence. The max-T procedure (Westfall and Young 1993) flips the differences of all pairs of methods on a seed
together. This assumes that these differences are jointly symmetric, which they are not for skewed times of three or
more methods. Under the alternative the first method is faster, and the power is the share of its pairs in which a
difference is found.
"""

import itertools

import numpy as np

from grokbench import stats
from grokbench.stats import Floats

from .draws import Row, generator, log_times, rate

SUITES = 600  # suites of ten methods; with fewer methods, more suites, so that the number of pairs is the same
ALPHA = 0.05
FLIPS = 999
SEEDS = (10, 20)
METHODS = (3, 6, 10)
SPEEDUP = 1.3


def simulate(suites: int) -> list[Row]:
    """Return a row for each number of seeds and methods: the errors among equal methods, and the powers.

    Args:
        suites: the number of suites to simulate for a row of ten methods.
    """
    return [_row(n, k, suites * 90 // (k * (k - 1))) for n in SEEDS for k in METHODS]


def _row(n: int, k: int, suites: int) -> Row:
    rng = generator("between", n, k)
    times = log_times(rng, (suites, n, k), 0.25, skewed=True)
    pairs = np.array(list(itertools.combinations(range(k), 2)))
    row: Row = {"seeds": n, "methods": k}
    for name, effect in (("error", 0.0), ("power", np.log(SPEEDUP))):
        shifted = times - effect * (np.arange(k) == 0)
        differences = shifted[..., pairs[:, 1]] - shifted[..., pairs[:, 0]]
        holm = np.array([_holm(each) for each in differences])
        steps = np.array([_max_t(each, rng) for each in differences])
        for procedure, found in (("Holm", holm), ("max-T", steps)):
            own = found[:, pairs[:, 0] == 0]
            row[f"{name}, {procedure}"] = rate(found.any(axis=1)) if name == "error" else rate(own.ravel())
    return row


def _holm(differences: Floats) -> list[bool]:
    """Decide for each column of the differences (n, pairs) whether its adjusted p is significant."""
    adjusted = stats.holm([stats.sign_flip(column) for column in differences.T])
    return [p is not None and p <= ALPHA for p in adjusted]


def _max_t(differences: Floats, rng: np.random.Generator) -> list[bool]:
    """Decide for each column, step by step, by the largest statistic among the columns that are not yet significant."""
    signs = np.vstack([np.ones(len(differences)), 1.0 - 2.0 * rng.integers(0, 2, (FLIPS, len(differences)))])
    statistics = np.abs(signs @ differences) / np.sqrt((differences**2).sum(axis=0))
    found = np.zeros(differences.shape[1], bool)
    for _ in range(found.size):
        best = int(np.argmax(np.where(found, -1.0, statistics[0])))
        largest = statistics[:, ~found].max(axis=1)
        if np.mean(largest >= statistics[0, best] - 1e-9) > ALPHA:
            break
        found[best] = True
    return found.tolist()
