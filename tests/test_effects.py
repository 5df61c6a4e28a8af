from dataclasses import replace

import pytest

from grokbench.judging.conclusions import conclusion
from grokbench.judging.effects import effect, obstacle
from grokbench.judging.outcomes import Measured
from grokbench.judging.row_notes import outcome_notes
from grokbench.records import Cell, Outcome, Run, Statistics

from .helpers.recipes import RECIPE

CELL = Cell("parity", "method", "id", RECIPE, budget=1000, evaluate_every=4, metrics={})


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
