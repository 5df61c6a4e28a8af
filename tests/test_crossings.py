"""The crossings of the criterion: whether grokking lasted, for how long every method is watched, and what is said."""

import json
import math
from dataclasses import replace

import pytest

from grokbench.criterion import parse_condition
from grokbench.engine import timing
from grokbench.engine.crossings import CrossingsMonitor
from grokbench.engine.stopping import StoppingMonitor
from grokbench.judging.differences import untested
from grokbench.judging.outcomes import Measured
from grokbench.launchers.local import pool
from grokbench.records import Cell, Crossings, Outcome, Recipe, Run, Use
from grokbench.store.reuse import satisfies

from .helpers import tiny

CRITERION = {"test_accuracy": parse_condition("> 0.8")}


def watched(accuracies, hold=4, budget=100):
    """A replica after these accuracies at epochs 0, 1, 2, ..., up to its outcome."""
    crossings = CrossingsMonitor(hold)
    replica = StoppingMonitor(3, CRITERION, {"hold": hold}, budget, crossings=crossings)
    for epoch, accuracy in enumerate(accuracies):
        if replica.judge(epoch, {"test_accuracy": accuracy}, math.isfinite(accuracy)):
            break
    return replica


def record(accuracies, **settings):
    return watched(accuracies, **settings).run("identity")


def test_a_replica_is_watched_for_the_epochs_of_hold_after_its_crossing():
    run = record([0.1, 0.9] + [0.9] * 20)
    assert (run.outcome, run.grokked_at, run.epochs) == (Outcome.GROKKED, 1, 5)
    kept = Crossings(first=1, lasting=1, strict=1, watched=4, lost=0, worst={"test_accuracy": 0.9})
    assert run.crossings == kept


def test_grokking_that_was_lost_is_dated_by_the_crossing_that_lasted():
    run = record([0.1, 0.9, 0.7, 0.2, 0.9, 0.9, 0.9, 0.9, 0.85, 0.1])
    assert (run.grokked_at, run.epochs) == (1, 8)
    below = {"watched": 7, "below": 2, "below_at": 2, "lost": 2, "lost_at": 2, "worst": {"test_accuracy": 0.2}}
    assert run.crossings == Crossings(first=1, lasting=4, strict=4, **below)


def test_one_evaluation_in_twenty_may_fail():
    wobbling = [0.9] + [0.9] * 10 + [0.1] + [0.9] * 30
    assert record(wobbling, hold=20).crossings.lasting == 0
    assert record(wobbling, hold=20).crossings.missed == 1
    assert record(wobbling, hold=19).crossings.lasting == 12  # 1 of 19 is more than 5%


def test_a_crossing_just_before_the_budget_is_watched_beyond_it():
    run = record([0.1] * 9 + [0.9] * 20, budget=10)
    assert (run.crossings.lasting, run.epochs) == (9, 13)
    lost = record([0.1] * 9 + [0.9, 0.9, 0.1, 0.9, 0.1, 0.9, 0.9, 0.9], budget=10)
    assert (lost.outcome, lost.grokked_at, lost.crossings.lasting, lost.epochs) == (Outcome.GROKKED, 9, None, 13)
    assert lost.crossings.open_since == 12


def test_without_a_crossing_the_budget_ends_training():
    run = record([0.1] * 30, budget=10)
    assert (run.outcome, run.epochs, run.crossings) == (Outcome.CENSORED, 10, Crossings(lost=0))


def test_a_loss_that_ends_after_grokking_is_recorded():
    run = record([0.9, 0.9, math.nan])
    assert (run.outcome, run.crossings.first, run.crossings.not_finite_at) == (Outcome.GROKKED, 0, 2)


def test_an_error_that_has_to_stay_low_is_worst_where_it_is_highest():
    monitor = CrossingsMonitor()
    for epoch, loss in enumerate([0.1, 0.4, 0.2, math.nan]):
        monitor.record(epoch, {"loss": loss}, {"loss": parse_condition("< 0.3")}, True)
    below = {"watched": 3, "below": 2, "below_at": 1, "lost": 2, "lost_at": 1, "worst": {"loss": 0.4}}
    assert monitor.result() == Crossings(first=0, **below)


def cell(budget, hold=4):
    return Cell("t", "m", "identity", Recipe(task=Use("t", {}, 1), stop={"hold": hold}), budget, 1, {})


@pytest.mark.parametrize(
    "accuracies, budget, planned, enough",
    [
        ([0.9] * 9, 5, 50, True),  # it lasted: a longer budget changes nothing
        ([0.1, 0.9] + [0.1] * 9, 5, 5, True),
        ([0.1, 0.9] + [0.1] * 9, 5, 8, False),  # a later crossing may last
        ([0.1] * 9 + [0.9, 0.9, 0.1, 0.9, 0.1, 0.9, 0.9], 10, 12, False),  # epoch 12 was not watched to the end
        ([0.1] * 9 + [0.9, 0.9, 0.1, 0.9, 0.1, 0.9, 0.9], 10, 11, True),
        ([0.9, 0.9, math.nan], 5, 50, True),
    ],
)
def test_a_stored_run_satisfies_the_budgets_that_it_was_watched_for(accuracies, budget, planned, enough):
    assert satisfies(record(accuracies, budget=budget), cell(planned)) is enough


def test_a_run_of_an_earlier_version_does_not_say_whether_it_lasted():
    assert not satisfies(Run("identity", 1, Outcome.GROKKED, 3, None, 3), cell(50))


@pytest.mark.parametrize(
    "impossible",
    [
        {"lasting": 3},
        {"first": 5, "lasting": 3},
        {"below": 1},
        {"first": 0, "watched": 2, "below": 3, "below_at": 1},
        {"first": 0, "watched": 3, "below": 1, "below_at": 1, "lost": 2, "lost_at": 1},
        {"lost": 0, "lost_at": 1},
        {"first": 0, "strict": 1},
        {"first": 0, "lasting": 4, "strict": 1},
    ],
)
def test_impossible_records_are_refused(impossible):
    with pytest.raises(ValueError):
        Crossings(**impossible)


def test_a_run_cannot_cross_after_its_end():
    with pytest.raises(ValueError, match="crossings"):
        Run("identity", 1, Outcome.GROKKED, 3, None, 10, crossings=Crossings(first=3, lasting=9000))


@pytest.mark.parametrize("stop", [{"x": 3}, {"hold": -3}, {"hold": 3, "x": 1}, {}])
def test_a_manifest_with_another_rule_for_stopping_is_refused(stop):
    with pytest.raises(ValueError, match="stop"):
        Recipe(task=Use("t", {}, 1), stop=stop)


# ---- judging


def test_a_loss_that_ends_before_grokking_lasts_has_diverged():
    run = record([0.9, 0.9, math.nan], budget=10)
    measured = Measured(cell(10), (run,), rank_by="lasting")
    assert (measured.count(Outcome.DIVERGED), measured.count(Outcome.CENSORED)) == (1, 0)
    assert (measured.courses.not_finite_after(), measured.courses.below_again()) == (1, 1)
    assert Measured(cell(10), (run,)).count(Outcome.GROKKED) == 1


def test_the_first_crossing_is_not_the_one_that_was_sustained():
    replica = StoppingMonitor(3, CRITERION, 3, 100)
    for epoch, accuracy in enumerate([0.1, 0.9, 0.1, 0.9, 0.9, 0.9]):
        replica.judge(epoch, {"test_accuracy": accuracy}, True)
    sustained = replace(cell(100), recipe=Recipe(task=Use("t", {}, 1), stop=3))
    measured = Measured(sustained, (replica.run("identity"),))
    assert measured.mean() == 3 and measured.courses.crossed("first") == ([1.0], [True])


def test_what_earlier_runs_do_not_say_is_unknown():
    measured = Measured(cell(10), (Run("identity", 1, Outcome.GROKKED, 3, None, 3),))
    assert (
        measured.courses.below_again()
        is measured.courses.not_finite_after()
        is measured.courses.below_share()
        is measured.courses.lost()
        is None
    )


def test_crossings_of_different_kinds_are_not_tested_against_each_other():
    first, lasting = (Measured(cell(10), (record([0.9] * 9),), rank_by=kind) for kind in ("first", "lasting"))
    assert untested(first, lasting, True, ()).facts == ("rank_by",)
    assert untested(first, first, True, ()) is None


def test_a_figure_whose_loss_ended_after_grokking_is_not_trained_again():
    figure = StoppingMonitor(3, CRITERION, "budget", 100)
    figure.judge(0, {"test_accuracy": 0.9}, True)
    figure.judge(1, {"test_accuracy": math.nan}, False)
    run = figure.run("identity", provenance={"measured": {}})
    planned = replace(cell(100), recipe=Recipe(task=Use("t", {}, 1), stop="budget"))
    assert run.outcome is Outcome.GROKKED and satisfies(run, planned)


SUITE = tiny.SUITE.replace("epochs: 3", "epochs: 6, stop: {hold: 4}, grokked: {train_loss: '< 9'}, evaluate_every: 2")


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A folder of a suite whose networks meet the criterion from the start, for 4 epochs."""
    folder = tmp_path_factory.mktemp("held")
    (folder / "tiny.yaml").write_text(SUITE + "statistics: {rank_by: lasting}\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool, "launch", tiny.launch_here)
        patched.setattr(timing, "LEAST_SECONDS", 1e-4)
        done = tiny.run(folder / "tiny.yaml", folder / "out")
    assert done.status == 0, done.err
    return folder


def test_a_leaderboard_has_both_crossings_and_ranks_by_the_one_that_the_suite_names(held):
    printed = tiny.grokbench("leaderboard", str(held / "out"), "--format", "json").out
    row = json.loads(printed)["rows"][0]
    assert (row["lasting"], row["lasting_median"], row["first_median"], row["below_share"]) == (3, 0, 0, 0)
    assert " first " in tiny.grokbench("leaderboard", str(held / "out")).out


@pytest.mark.parametrize(
    "change, said",
    [
        (("{hold: 4}", "{hold: 3}"), "tasks.parity: hold: 3 epochs, expected a multiple of evaluate_every, 2"),
        (("{hold: 4}", "{hold: 0}"), "tasks.parity.stop: the mapping {hold: 0}, expected grokked, budget,"),
        (("stop: {hold: 4}, ", ""), "statistics.rank_by: lasting, but the task parity does not test this"),
    ],
)
def test_wrong_holds_are_refused(tmp_path, change, said):
    (tmp_path / "tiny.yaml").write_text(SUITE.replace(*change) + "statistics: {rank_by: lasting}\n")
    refused = tiny.grokbench("validate", str(tmp_path / "tiny.yaml"))
    assert refused.status == 2
    assert said in refused.err


@pytest.mark.usefixtures("here")
def test_status_and_progress_count_the_crossing_that_the_suite_ranks_by(held, tmp_path):
    again = tiny.run(held / "tiny.yaml", tmp_path, "--num-seeds", "2")
    assert "parity / baseline: 2 of 2 lasting, median 0 epochs" in again.err
    assert (
        "grokked at first: 6; lasting: 6. The suite ranks by lasting grokking"
        in tiny.grokbench("status", held / "out").out
    )


def test_what_is_printed_says_which_crossing_is_ranked(held):
    table = tiny.grokbench("leaderboard", str(held / "out")).out
    assert "Times are those of the first crossing after which the criterion held at 95% or more" in table
    methods = tiny.grokbench("leaderboard", str(held / "out"), "--methods-text").out
    assert "after which it holds at 95% or more of the evaluations in the next H epochs" in " ".join(methods.split())
