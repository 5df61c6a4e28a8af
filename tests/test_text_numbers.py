"""Three digits, zeros that were measured, and of an interval no end that does not stand."""

import pytest

from grokbench.text.numbers import NOTHING, figure, interval, known_bound, number, ratio, times, to_print, valid_end


def test_numbers_have_three_digits():
    shown = {0.00214: "0.00214", 0.5: "0.5", 2: "2", 21.25: "21.2", 1588.6: "1589", 40000: "40000", 3e6: "3e+06"}
    assert {value: number(value) for value in shown} == shown


def test_the_zeros_of_a_ratio_were_measured():
    shown = {1.0: "1.00", 0.9998: "1.00", 8.0: "8.00", 20.0: "20.0", 127.4: "127", 0.25: "0.250", 2e6: "2.00e+06"}
    assert {value: ratio(value) for value in shown} == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.9915, 0.9998, "0.996x [0.992, 0.9998]"),  # it leaves 1 out, by less than three digits show
        (0.99, 1.0, "0.996x [0.990, 1.00]"),
        (0.99, 1.0000001, "0.996x [0.990, 1.00]"),
        (0.5, 1.00004, "0.996x [0.500, 1.00]"),
        (0.5, 1.0004, "0.996x [0.500, 1.0004]"),
        (None, None, "0.996x"),
    ],
)
def test_an_end_does_not_round_to_no_effect(low, high, shown):
    assert interval(0.996, low, high) == shown


@pytest.mark.parametrize(
    ("bound", "shown", "stands"),
    [
        ("lower", ">= 1.20x", 1.2),
        ("upper", "<= 1.90x", 1.9),
        ("mixed", "~ 1.50x", 1.5),
        (None, "1.50x [1.20, 1.90]", 1.5),
    ],
)
def test_a_bound_shows_its_valid_end(bound, shown, stands):
    assert interval(1.5, 1.2, 1.9, bound) == shown and valid_end(1.5, 1.2, 1.9, bound) == stands
    assert to_print(1.5, 1.2, 1.9, bound) == (None if bound == "mixed" else stands)
    assert to_print(None, 1.2, 1.9, bound) is None


def test_a_bound_without_its_valid_end_is_none():
    assert times(1.5, "upper") == "<= 1.50x" and interval(1.5, None, None, "upper") == "~ 1.50x"
    assert known_bound(1.2, None, "lower") == "lower" and known_bound(1.2, None, "upper") == "mixed"
    assert known_bound(None, None, None) is None


def test_seconds_have_no_zeros():
    assert interval(30.0, 20.0, 40.0, None, number, "") == "30 [20, 40]" and figure(8.0) == "8"


def test_a_missing_number_is_a_dash():
    assert interval(None, None, None) == times(None) == figure(None) == NOTHING
