"""How often something is found among methods that differ in nothing."""

import math

import numpy as np
import pytest

from grokbench.judging.ranking import compare, rank
from grokbench.records import Manifest, Statistics

from .test_judging import PS
from .test_ranking import BUDGET, cell, run

METHODS = ("a", "b", "c")


def null_suites(kind, suites, seeds):
    """p of the first method, and whether Holm finds anything, where no method differs from the baseline."""
    rng = np.random.default_rng(11)
    cells = [cell(label) for label in ("baseline", *METHODS)]
    # An interval of this confidence does not exist for so few seeds: the time goes into suites.
    statistics = Statistics(confidence=0.9999)
    manifest = Manifest("s", "", "baseline", tuple(range(seeds)), tuple(cells), statistics=statistics)
    for _ in range(suites):
        hard = rng.normal(0, 1, seeds)  # a seed is easy or hard for every method alike
        drawn = np.exp(5.5 + hard + rng.normal(0, 0.5, (len(cells), seeds)))
        if kind == "tied":
            drawn = 100 * np.ceil(drawn / 100)  # ten times, and censored beyond
        at = [[int(t) if t <= BUDGET else None for t in np.ceil(row)] for row in drawn]
        runs = [run(c, seed, t) for c, row in zip(cells, at, strict=True) for seed, t in enumerate(row)]
        yield rank(compare(manifest, runs)).rows[1:]


def bounds(share, n):
    """Where a count of n draws lies but for one time in some 10,000."""
    spread = 4 * math.sqrt(n * share * (1 - share))
    return n * share - spread, n * share + spread


@pytest.mark.parametrize(("kind", "seeds"), [("continuous", 8), ("continuous", 6), ("tied", 8)])
def test_equal_methods_are_found_different_no_more_often_than_alpha(kind, seeds):
    suites, single, familywise = 400 if kind == "continuous" and seeds == 8 else 200, dict.fromkeys(PS, 0), 0
    for rows in null_suites(kind, suites, seeds):
        for test in PS:
            p = getattr(rows[0], test)
            single[test] += p is not None and p <= 0.05
        familywise += any(row.p_holm <= 0.05 for row in rows)
    assert familywise <= bounds(0.05, suites)[1]
    assert all(found <= bounds(0.05, suites)[1] for found in single.values()), single
    if kind == "continuous":  # exact: floor(0.05 * 2^n) of the 2^n sign patterns, two at a time
        share = 2 * math.floor(0.025 * 2**seeds) / 2**seeds
        low, high = bounds(share, suites)
        assert low <= single["p_sign_flip"] <= high and low <= single["p_wilcoxon"] <= high * 1.2
        assert familywise >= (0.3 * 0.05 * suites if seeds == 8 else 0)
    else:
        assert single["p_sign_flip"] >= 0.005 * suites
