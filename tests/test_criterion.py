"""A condition is a sign and a finite number, read in one way; bounds of a metric tell which can both hold and fail."""

import math
import re

import pytest

from grokbench.criterion import bound_fault, parse_condition


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("> 0.80", 0.80, False),
        ("> 0.80", 0.81, True),
        (">= 0.80", 0.80, True),
        ("<0.5", 0.4, True),
        ("  <=  1e-3 ", 1e-3, True),
        ("< 1E-3", 2e-3, False),
        ("< 0.5", 0.5, False),
        ("> -1", math.nan, False),
        ("> 0", math.inf, False),
        ("< 0", -math.inf, False),
    ],
)
def test_conditions(text, value, holds):
    assert parse_condition(text).holds(value) is holds


@pytest.mark.parametrize("text", ["0.8", "= 0.8", "> high", ">", "", "> 0.8 or so", "=> 0.8", "> 1e999", 0.8, None])
def test_an_invalid_condition_is_refused_with_an_example(text):
    said = f'{text!r}, expected a condition such as "> 0.80" (>, >=, < or <= and a finite number)'
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        parse_condition(text)


@pytest.mark.parametrize("text", ["> 0", "> 0.5", ">= 1", "< 1", "<= 0"])
def test_a_bound_within_those_of_a_metric_is_no_fault(text):
    assert bound_fault(text, 0, 1) == ""


@pytest.mark.parametrize("text", ["> 1", ">= 0", "< 0", "<= 1", "> 80"])
def test_a_condition_that_always_or_never_holds_is_a_fault(text):
    assert bound_fault(text, 0, 1) == (f"{text!r} can never hold or always holds, expected a bound between 0 and 1")
