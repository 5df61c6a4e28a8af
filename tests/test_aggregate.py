"""Speed-ups over tasks, and performance profiles, by hand."""

import math

import pytest
from scipy.stats import norm, t

from grokbench.judging.aggregate import aggregate
from grokbench.judging.comparison import compare
from grokbench.judging.profile import profiles
from grokbench.judging.ranking import rank
from grokbench.records import Outcome
from grokbench.report.text import as_json, render
from grokbench.store import Store

from .helpers.documentation_pages import ROOT
from .helpers.task_times import compared

CONSTANT = {"baseline": [400] * 6, "fast": [100] * 6, "slow": [800] * 6}


def test_the_mean_is_geometric_and_each_task_can_be_left_out():
    tasks = {"a": CONSTANT, "b": CONSTANT | {"fast": [400] * 6}, "c": CONSTANT | {"fast": [50] * 6}}
    fast, slow = aggregate(compared(tasks))
    assert (fast.speedup, slow.speedup) == pytest.approx(((4 * 1 * 8) ** (1 / 3), 0.5))
    assert (fast.low, fast.high) == pytest.approx((fast.speedup, fast.speedup))  # every seed says the same
    assert fast.without == pytest.approx({"a": math.sqrt(8), "b": math.sqrt(32), "c": 2})
    assert (fast.tasks, fast.left_out) == (("a", "b", "c"), {})


def test_the_interval_is_that_of_resampled_seeds_within_tasks():
    # The log2 ratio is 0 or 2 on half of the 8 seeds of each of two tasks: the mean of a resample of a task is a
    # binomial count / 8 x 2, of both tasks Binomial(16, 1/2) / 8, whose 2.5% and 97.5% quantiles are 4 and 12.
    halves = {"baseline": [400] * 8, "half": [100] * 4 + [400] * 4}
    (found,) = aggregate(compared({"a": halves, "b": halves}))
    wider = math.sqrt(8 / 7) * t.ppf(0.975, 7) / norm.ppf(0.975)  # Student's interval of a mean of 8
    assert (found.speedup, found.low, found.high) == pytest.approx((2, 2 ** (1 - wider / 2), 2 ** (1 + wider / 2)))
    assert aggregate(compared({"a": halves, "b": halves})) == (found,)  # keyed draws
    few = {"baseline": [400] * 5, "half": [100] * 5}
    (found,) = aggregate(compared({"a": few, "b": few}))
    assert found.speedup == pytest.approx(4) and (found.low, found.high) == (None, None)


def test_a_bound_is_left_out_and_its_task_named():
    never = CONSTANT | {"fast": [100] * 5 + [None]}
    unsolved = {"baseline": [400] * 5 + [None], "fast": [100] * 6, "other": [100] * 6}
    board = rank(compared({"a": CONSTANT, "b": never, "c": CONSTANT, "d": unsolved}))
    fast, slow, other = board.aggregate
    assert fast.speedup == pytest.approx(4) and fast.left_out == {"b": "upper", "d": "lower"}
    assert slow.left_out == {"d": None} and (other.speedup, other.without) == (None, {})
    text = " ".join(render(board, "table").split())
    assert (
        "Left out of a mean: b (the method did not grok on every seed) and d (the baseline did not grok on every seed) "
        "for fast; d (no speed-up) for slow. Where the method itself did not grok, its mean flatters it." in text
    )
    assert "fast 2/4 4.00x [4.00, 4.00] 4.00x to 4.00x" in text and "| fast" in render(board, "markdown")
    assert as_json(board)["aggregate"][0]["left_out"] == {"b": "upper", "d": "lower"}


def test_a_suite_of_one_task_has_no_mean():
    board = rank(compared({"a": CONSTANT}))
    assert board.aggregate == () and "All tasks" not in render(board, "table")


def test_the_audits_numbers_for_the_paper():
    store = Store.load(ROOT / "results" / "paper")
    found = {each.regularizer: each for each in aggregate(compare(store.manifest, store.runs()))}
    assert (found["grokfast"].speedup, found["grokalign"].speedup) == pytest.approx((1.018, 3.791), abs=1e-3)
    # The audit's plain bootstrap gave [0.9957, 1.0425] and [3.70, 3.89], without the cadence and the small sample.
    assert (found["grokfast"].low, found["grokfast"].high) == pytest.approx((0.9935, 1.0453), abs=2e-3)
    assert found["grokalign"].low < 3.70 and found["grokalign"].high > 3.89
    assert found["orthograd"].left_out == {"modular_addition": "upper"}


# ---- performance profiles


def test_a_profile_counts_the_seeds_within_a_ratio_of_the_fastest():
    methods = {"baseline": [100, 200], "fast": [50, 400], "slow": [300, None]}
    found = profiles(compared({"t": methods}), ["t"])
    assert {each.method: each.ratios for each in found.profiles} == {
        **{"baseline": (1.0, 2.0), "fast": (1.0, 2.0)},
        "slow": (6.0,),
    }
    # The budget is 1,000: the seed that `slow` missed, where 200 is the least, has a ratio above 5.
    assert [each.known_to for each in found.profiles] == [None, None, 5.0]
    assert (found.problems, found.unsolved, found.left_out) == (2, 0, ())


def test_a_diverged_seed_never_groks_and_problems_that_nobody_solves_are_not_counted():
    methods = {"baseline": [100, None, 100], "wild": [Outcome.DIVERGED, None, 200], "part": [50, 50, "-"]}
    found = profiles(compared({"t": methods}), ["t"])
    assert {each.method: (each.ratios, each.known_to) for each in found.profiles} == {
        **{"baseline": ((1.0, 1.0), None)},
        "wild": ((2.0,), None),
    }
    assert (found.problems, found.unsolved, found.left_out) == (2, 1, ("part",))


def test_no_profile_of_one_method_or_without_grokking():
    assert profiles(compared({"t": {"baseline": [100]}}), ["t"]) is None
    assert profiles(compared({"t": {"baseline": [None], "other": [None]}}), ["t"]) is None
