import math
from dataclasses import replace

import pytest

from grokbench.judging.outcomes import Measured, same_conditions
from grokbench.judging.row_notes import outcome_notes
from grokbench.records import Cell, Outcome, Run, Timing

from .helpers.recipes import RECIPE

CELL = Cell("parity", "method", "id", RECIPE, 1000, 4, {"test_accuracy": "higher", "loss": "lower"})


def run(at, outcome=Outcome.GROKKED, **changes):
    return Run("id", 0, outcome, at, **({"memorised_at": None, "epochs": at or 1000} | changes))


def measured(*runs, timings=()):
    return Measured(CELL, runs, timings)


def test_times_are_capped_and_failures_left_out():
    cell = measured(run(100), run(None, Outcome.CENSORED), run(None, Outcome.DIVERGED), run(None, Outcome.FAILED), None)
    assert cell.times == [100, 1000, 1000] and cell.grokked == [True, False, False]
    assert [cell.count(outcome) for outcome in Outcome] == [1, 1, 1, 1] and cell.missing == 1
    assert not cell.complete and not measured().complete and measured(run(5)).complete


def test_grokked_after_a_smaller_budget_is_censored_by_it():
    cell = measured(run(1001), run(900))
    assert cell.times == [1000, 900] and cell.grokked == [False, True]
    assert cell.count(Outcome.CENSORED) == cell.count(Outcome.GROKKED) == 1


def test_a_time_of_zero_counts_as_one_interval_in_ratios_only():
    cell = measured(run(0), run(8))
    assert cell.ratio_times == [4, 8] and cell.mean() == 4 and cell.at_start == 1


def test_a_cell_without_runs_has_no_numbers():
    cell = measured(None, None)
    found = (cell.mean(), cell.median(), cell.std(), cell.memorised(), cell.delay(), cell.seconds())
    assert found == (None,) * 6 and cell.final() == {"test_accuracy": None, "loss": None}
    assert measured(run(5)).std() is None


def test_memorising_and_delay():
    cell = measured(run(100, memorised_at=10), run(50, memorised_at=30), run(7), run(None, Outcome.CENSORED))
    assert (
        cell.memorised() == 20 and cell.delay() == 20
    )  # median of 90, 20, and 0 for the one that grokked before it memorised
    assert measured(run(7)).memorised() is None


def test_a_delay_counts_from_memorising_at_evaluation_0():
    assert measured(run(70, memorised_at=0)).delay() == 70


def test_a_replica_that_memorises_after_grokking_has_no_delay():
    late, early = run(70, memorised_at=90, epochs=100), run(70, memorised_at=20)
    assert measured(late).delay() == measured(late, late, early).delay() == 0
    assert measured(late, early).delay() == 25  # of 0 and 50


@pytest.mark.parametrize("memorised_at", [7, 9, None])
def test_no_delay_is_said(memorised_at):
    expected = "no delay: it grokked no later than it memorised (median over seeds)"
    cell = measured(run(7, memorised_at=memorised_at, epochs=9))
    assert list(map(str, outcome_notes(cell, None))) == ["its one seed grokked", expected]


def test_a_longer_run_is_censored_at_the_budget():
    late = [run(None, Outcome.DIVERGED, epochs=1900), run(1900, memorised_at=1800)]
    cell = measured(*late)
    assert cell.count(Outcome.CENSORED) == 2 and cell.times == [cell.cell.budget] * 2 and cell.memorised() is None


def test_final_is_the_mean_and_none_where_a_value_is_not_finite():
    cell = measured(*(run(5, final={"test_accuracy": s, "loss": [1, math.nan][s]}) for s in (0, 1)))
    assert cell.final() == {"test_accuracy": 0.5, "loss": None}


def test_seconds_are_epochs_times_the_median_pace_and_preparation():
    timings = (Timing("id", (1.0, 2.0)), Timing("id", (9.0,)))
    cell = measured(run(100, prepare_seconds=4.0), run(50, prepare_seconds=8.0), timings=timings)
    assert cell.seconds_per_epoch() == 2.0 and cell.seconds() == 2 * 75 + 6
    assert measured(run(100)).seconds() is None
    assert measured(run(100), None, timings=timings).seconds() is None  # incomplete: the mean of some seeds is not it


def test_a_mean_with_a_seed_that_did_not_grok_is_a_lower_bound():
    bounds = [measured(*runs).mean_bound for runs in ((), (run(5),), (run(5), run(None, Outcome.CENSORED)))]
    assert bounds == [None, None, "lower"]


@pytest.mark.parametrize(("changed", "same"), [({}, True), ({"budget": 9}, False), ({"evaluate_every": 2}, False)])
def test_times_are_compared_under_the_same_budget_and_cadence(changed, same):
    cell = measured(run(5))
    assert same_conditions(cell, replace(cell, cell=replace(cell.cell, **changed))) is same
