"""Metrics with a cadence of their own are measured when it says, whatever the evaluations between."""

import pytest

from grokbench.cadence import is_due


def due(every, cadence, until):
    return [epoch for epoch in range(0, until + 1, cadence) if is_due(every, epoch, cadence)]


def test_every_few_epochs():
    assert due(4, 2, 12) == [0, 4, 8, 12]


def test_one_mark_per_decade_is_the_powers_of_ten():
    assert due({"per_decade": 1}, 1, 1000) == [0, 1, 10, 100, 1000]


def test_between_coarse_evaluations_the_first_after_a_mark_is_due():
    assert due({"per_decade": 1}, 4, 120) == [0, 4, 12, 100]


def test_marks_do_not_depend_on_the_budget():
    short, long = due({"per_decade": 7}, 2, 300), due({"per_decade": 7}, 2, 5000)
    assert long[: len(short)] == short


@pytest.mark.parametrize("times", [3, 10, 25])
def test_each_decade_has_its_marks_once_evaluations_are_dense_enough(times):
    found = due({"per_decade": times}, 1, 100_000)
    assert len([epoch for epoch in found if 10_000 < epoch <= 100_000]) == times
