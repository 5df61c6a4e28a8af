import math
from dataclasses import replace

import pytest
from scipy.stats import t

from grokbench.judging.conclusions import conclusion
from grokbench.judging.effects import Effect, effect, obstacle, seeds_to_settle, verdict
from grokbench.judging.outcomes import Measured
from grokbench.judging.row_notes import outcome_notes
from grokbench.records import Cell, Outcome, Run, Statistics

from .helpers.recipes import RECIPE

CELL = Cell("parity", "method", "id", RECIPE, budget=1000, evaluate_every=4, metrics={})
P = dict.fromkeys(["sign_flip", "paired_t", "wilcoxon", "logrank"], 1.0)


def ours(low, high, bound=None):
    return Effect(10.0, 9.0, 11.0, bound, 10.0, low, high, P, dict.fromkeys(P, 1.0), 1.0, 1.0)


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (ours(8.0, 12.5), "reproduced"),  # the band around 10 is 8 to 12.5
        (ours(7.9, 12), "inconclusive"),
        (ours(9, 12.6), "inconclusive"),
        (ours(13, 20), "not reproduced"),
        (ours(2, 7.9), "not reproduced"),
        (ours(None, None), "inconclusive"),  # one seed, or an unbounded interval
        (None, "inconclusive"),
    ],
)
def test_a_verdict_compares_an_interval_with_a_band(effect, expected):
    assert verdict(10.0, effect) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (13, 20, {"lower": "not reproduced", "upper": "inconclusive", "mixed": "inconclusive"}),
        (9, 11, {"lower": "inconclusive", "upper": "inconclusive", "mixed": "inconclusive"}),
        (2, 7, {"lower": "inconclusive", "upper": "not reproduced", "mixed": "inconclusive"}),
    ],
)
def test_a_bound_decides_only_where_more_seeds_grokking_could_not_undo_it(low, high, expected):
    assert {bound: verdict(10.0, ours(low, high, bound)) for bound in expected} == expected


@pytest.mark.parametrize(
    ("of_means", "low", "high", "excess"),
    [
        (10.0, 10 / 1.25**2, 10 * 1.25**2, 2.0),  # twice too wide on both sides
        (10.0, 10 / 1.25**3, 10 * 1.25**2, 3.0),  # the worse side decides
        (10.0, 10 / 1.25**0.5, 10 * 1.25**2, 2.0),
        (10 * 1.25**2, 10 * 1.25**0.5, 99.0, 1.5),  # above the band by one step, the lower end one and a half away
        (10 / 1.25**2, 1.0, 10 * 1.25, 3.0),  # below it: the upper end has to come down
    ],
)
@pytest.mark.parametrize("seeds", [3, 5, 25, 400])
def test_the_seeds_that_would_settle_a_verdict(of_means, low, high, excess, seeds):
    needed = seeds_to_settle(10.0, replace(ours(low, high), of_means=of_means), seeds)

    def width(n):
        return t.ppf(0.975, n - 1) / math.sqrt(n)

    assert width(seeds) / width(needed) >= excess * (1 - 1e-8) > width(seeds) / width(needed - 1) * (1 - 1e-7)


def test_a_ratio_on_the_edge_of_agreement_is_never_settled():
    assert seeds_to_settle(10.0, replace(ours(11.0, 14.0), of_means=12.5), 25) is None


@pytest.mark.parametrize("effect", [ours(None, None), ours(7, 13, "upper"), ours(7, 13, "mixed"), ours(0.0, 13)])
def test_effects_that_more_seeds_cannot_settle(effect):
    assert seeds_to_settle(10.0, effect, 25) is None


def measured(*times, **changes):
    return Measured(replace(CELL, **changes), tuple(Run("id", 0, Outcome.GROKKED, t, None, t) for t in times))


def test_grokked_before_any_update_breaks_no_logarithm():
    instant = measured(0)
    assert effect(measured(40), instant).speedup == pytest.approx(10)
    said = list(map(str, outcome_notes(instant, None)))
    assert "1 of 1 seed grokked before any update: counted as 4 epochs in ratios" in said


def test_identical_cells_have_a_speedup_of_one():
    same = effect(*[measured(*range(10, 17), evaluate_every=1)] * 2)
    assert (same.speedup, same.low, same.high, same.superiority, same.effect_size) == (1, 1, 1, 0.5, 0)
    assert set(same.p.values()) == {1.0}


@pytest.mark.parametrize(
    ("baseline", "method", "why"),
    [
        (None, measured(5), "no comparison: the suite plans no baseline for task parity"),
        (measured(), measured(), "no comparison: no seeds are planned"),
        (
            measured(5),
            measured(5, budget=2000),
            "no comparison: budget is 2000 here and 1000 for the baseline, and they have to be the same",
        ),
        (
            measured(5),
            measured(5, evaluate_every=1),
            "no comparison: evaluate_every is 1 here and 4 for the baseline, and they have to be the same",
        ),
        (
            measured(5),
            Measured(CELL, (None,)),
            "no test is made on fewer seeds than planned: run the missing ones (--seeds) to complete this row",
        ),
        (
            Measured(CELL, (None,)),
            measured(5),
            "no comparison: the baseline is incomplete, run its missing seeds (--seeds) to complete it",
        ),
    ],
)
def test_obstacles_are_said(baseline, method, why):
    assert str(obstacle(baseline, method)) == why
    assert obstacle(measured(5), measured(5)) is None


def test_every_test_has_the_direction_of_what_it_tests():
    """Six seeds a little faster, one from 1 to 2 epochs; logs and epochs point apart."""
    found = effect(measured(*[1000] * 6, 4), measured(*[990] * 6, 8))
    assert found.speedup < 1 < found.of_means
    assert found.favours["sign_flip"] < 0 < found.favours["paired_t"]
    assert found.favours["wilcoxon"] > 0 and found.favours["logrank"] > 0
    words = {"sign_flip": "slower", "paired_t": "faster", "wilcoxon": "faster", "logrank": "faster"}
    for test, word in words.items():
        assert conclusion(found, 0.01, Statistics(primary=test)) == word


@pytest.mark.parametrize("sooner", [True, False])
def test_directions_turn_with_the_sides(sooner):
    sides = measured(40, 44, 80, 60), measured(20, 24, 44, 30)
    favours = effect(*sides if sooner else reversed(sides)).favours
    assert all((value > 0) == sooner for value in favours.values())
