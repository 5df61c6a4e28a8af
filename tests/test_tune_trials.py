"""Trials of a search: their points in a space, their scores, and the best of some of them."""

import math
from dataclasses import replace

import pytest

from grokbench.records import Crossings, Outcome
from grokbench.tune.best_of_k import best_of, chances
from grokbench.tune.sampling import sobol, suggest
from grokbench.tune.scores import Score, ranking, score
from grokbench.tune.space import Dimension, edge, values_at

from .helpers.result_folders import a_cell, a_run

RATE = Dimension(name="lr", coordinate=0, key="lr", low=0.1, high=10.0, log=True)
DECAY = Dimension(name="weight_decay", coordinate=1, key="weight_decay", low=1e-4, high=0.1, log=True, zero=True)
COUNT = Dimension(name="k", coordinate=2, key="k", plugin="a", low=1, high=4, integer=True)
NORM = Dimension(name="norm", coordinate=3, key="norm", plugin="a", choices=("x", "y"))


# ---- space and points


def test_values_cover_a_space_and_lie_at_its_ends():
    assert [RATE.value(u) for u in (0, 0.5, 1)] == [0.1, 1.0, 10.0]
    assert [DECAY.value(u) for u in (0, 0.24, 0.25, 1)] == [0.0, 0.0, 1e-4, 0.1]
    assert [COUNT.value(u) for u in (0, 0.3, 0.6, 0.99, 1)] == [1, 2, 3, 4, 4]
    assert [NORM.value(u) for u in (0, 0.49, 0.5, 1)] == ["x", "x", "y", "y"]
    for dimension in (RATE, DECAY, NORM):
        value = dimension.value(0.7)
        assert dimension.value(dimension.coordinate_of(value)) == value
    assert DECAY.value(DECAY.coordinate_of(0.0)) == 0.0 and RATE.coordinate_of(100.0) == 1.0


def test_an_optimum_near_the_end_of_its_range_is_at_the_edge():
    assert [edge(RATE, value) for value in (0.1, 0.12, 0.13, 1.0, 7.9, 8.0, 20.0)] == [
        "lower", "lower", None, None, None, "upper", "upper",
    ]  # fmt: skip
    assert [edge(DECAY, value) for value in (0.0, 1e-4, 0.1)] == [None, None, "upper"]
    assert (edge(COUNT, 4), edge(NORM, "y")) == ("upper", None)


def test_points_are_the_same_for_all_and_more_of_them_begin_with_the_same():
    few, many = sobol(5), sobol(40)
    assert many[:5] == few and len(set(many)) == 40 and sobol(0) == []
    assert values_at((RATE, NORM), few[0])["lr"] == values_at((RATE,), few[0])["lr"]
    assert sum(point[0] < 0.5 for point in sobol(32)) == 16  # evenly spread, unlike random points


def test_suggestions_depend_on_the_earlier_trials_alone():
    space, points = (RATE, NORM), sobol(4)
    scores = [Score(3, 3, 10.0 * number + 5) for number in range(4)]
    found = suggest(space, points, scores, 3, "a")
    assert found == suggest(space, points, scores, 3, "a") and found[:2] == suggest(space, points, scores, 2, "a")
    assert found != suggest(space, points, scores, 3, "b") and found != suggest(space, points, scores[::-1], 3, "a")
    assert all(0 <= u <= 1 for point in found for u in point)


# ---- scores


def test_misses_count_with_the_budget_and_failures_as_misses():
    cell = a_cell("a", budget=100)
    grokked, *others = [a_run(cell, seed, epochs) for seed, epochs in enumerate((25, None, None, None))]
    ends = (Outcome.CENSORED, Outcome.DIVERGED, Outcome.FAILED)
    runs = [grokked, *(replace(run, outcome=end) for run, end in zip(others, ends, strict=True))]
    found = score(cell, runs, 5)
    assert (found.grokked, found.seeds, found.failed, found.replicas) == (1, 5, 2, 4)
    assert found.epochs == pytest.approx(math.exp((math.log(25) + 4 * math.log(100)) / 5))
    assert found.trained == 25 + 3 * 100


def test_a_suite_that_ranks_by_lasting_grokking_is_tuned_by_it():
    cell = a_cell("a", budget=100)
    kept, lost = (
        replace(a_run(cell, seed, 25), epochs=80, crossings=Crossings(first=25, lasting=lasting))
        for seed, lasting in enumerate((50, None))
    )
    assert score(cell, [kept, lost], 2).grokked == 2
    found = score(cell, [kept, lost], 2, "lasting")
    assert (found.grokked, found.epochs) == (1, pytest.approx((50 * 100) ** 0.5))


def test_seeds_that_grokked_come_first_then_epochs_then_the_lower_number():
    scores = [Score(1, 3, 10.0), Score(3, 3, 50.0), Score(2, 3, 5.0), Score(3, 3, 40.0), Score(3, 3, 50.0)]
    assert ranking(scores) == [3, 1, 4, 2, 0]


def test_the_best_of_k_is_that_of_all_subsets():
    assert chances(3, 1) == pytest.approx([1 / 3] * 3)
    assert chances(3, 2) == pytest.approx([2 / 3, 1 / 3, 0])
    assert chances(3, 3) == [1, 0, 0]
    scores = [Score(1, 2, 8.0), Score(2, 2, 64.0), Score(2, 2, 16.0)]
    epochs, grokked = best_of(scores, 2)  # subsets: {8, 64} -> 64, {8, 16} -> 16, {64, 16} -> 16
    assert epochs == pytest.approx((64 * 16 * 16) ** (1 / 3)) and grokked == 1
    assert best_of(scores, 3) == (pytest.approx(16.0), 1.0)
    assert best_of(scores, 1) == (pytest.approx((8 * 64 * 16) ** (1 / 3)), pytest.approx(5 / 6))
