import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.stats.survival import half_time, kaplan_meier, logrank, median_time


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def observed_minus_expected(times, grokked, in_method):
    """The log-rank statistic from its textbook table, one grokking time after the other."""
    total = 0.0
    for t in {t for t, hit in zip(times, grokked, strict=True) if hit}:
        risk = [m for s, m in zip(times, in_method, strict=True) if s >= t]
        events = [m for s, hit, m in zip(times, grokked, in_method, strict=True) if hit and s == t]
        total += sum(events) - len(events) * sum(risk) / len(risk)
    return total


def enumerated_logrank(baseline, baseline_grokked, method, method_grokked):
    """All exchanges of labels within pairs."""
    n = len(baseline)
    times, grokked = [*baseline, *method], [*baseline_grokked, *method_grokked]
    values = [
        abs(observed_minus_expected(times, grokked, [not s for s in swap] + list(swap)))
        for swap in itertools.product([True, False], repeat=n)
    ]
    return np.mean([value >= values[0] - 1e-9 for value in values])  # the first exchanges nothing


pair = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(st.lists(pair, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_logrank_equals_enumeration_of_the_textbook_statistic(pairs):
    baseline, method = zip(*pairs, strict=True)
    arms = [[min(t, 5) for t in baseline], [t <= 5 for t in baseline], [min(t, 5) for t in method]]
    arms.append([t <= 5 for t in method])
    assert logrank(*arms) == pytest.approx(enumerated_logrank(*arms))


def test_logrank_of_degenerate_arms():
    never = [False] * 4
    assert logrank([9] * 4, never, [9] * 4, never) == 1.0
    assert logrank([3] * 4, [True] * 4, [3] * 4, [True] * 4) == 1.0
    assert logrank([9], [True], [1], [True]) == 1.0
    assert logrank([], [], [], []) is None


def test_kaplan_meier_by_hand():
    # 5 at risk, one groks at 2; one censored at 3 leaves; of 3 one groks at 4; at 6 one of two, the other censored
    at, share = kaplan_meier([2, 3, 4, 6, 6], [True, False, True, True, False])
    assert at.tolist() == [2, 4, 6]
    assert share == pytest.approx([4 / 5, 4 / 5 * 2 / 3, 4 / 5 * 2 / 3 / 2])
    assert [len(each) for each in kaplan_meier([5, 5], [False, False])] == [0, 0]
    assert [len(each) for each in kaplan_meier([], [])] == [0, 0]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8))
@settings(deadline=None)
def test_the_median_without_censoring_is_the_ordinary_one(times):
    assert median_time(times, [True] * len(times)) == np.median(times)


def test_median_with_censoring():
    assert median_time([3, 9, 9], [True, False, False]) is None  # > 9
    assert median_time([3, 5, 9, 9], [True, True, False, False]) is None  # half grokked by 5, and none after: 5 to > 9
    assert half_time([3, 5, 9, 9], [True, True, False, False]) == 5
    assert median_time([3, 3, 9, 9], [True, True, False, False]) is None
    assert median_time([3, 5, 7, 9, 9], [True, True, True, False, False]) == 7  # three of five
    assert half_time([3, 9, 9], [True, False, False]) is half_time([3, 5], [True, True]) is half_time([], []) is None
    assert median_time([3, 5, 7, 9], [True, True, True, False]) == 6
    assert median_time([], []) is None
