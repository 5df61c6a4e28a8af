"""Differences known within brackets, by hand and against every corner of the brackets."""

import itertools
import math

import numpy as np
import pytest

from grokbench import stats

LOW, HIGH = [1, 2, 4], [2, 2, 5]


def boxes(n, count):
    """(low, high) of integers with ties, zeros and both directions."""
    rng = np.random.Generator(np.random.Philox(key=21))
    for _ in range(count):
        low = rng.integers(-3, 5, n).astype(float)
        yield low, low + rng.integers(0, 3, n)


def inside(low, high):
    """Corners and centres of a box."""
    return itertools.product(*({a, (a + b) / 2, b} for a, b in zip(low, high, strict=True)))


def test_the_p_is_that_of_the_ends_nearer_to_zero():
    assert stats.sign_flip_between(LOW, HIGH) == stats.sign_flip(LOW) == 2 / 8
    assert stats.sign_flip_between([-2, -2, -5], [-1, -2, -4]) == stats.sign_flip([-1, -2, -4]) == 2 / 8
    assert stats.sign_flip_between([-1, 2, 4], [1, 2, 4]) == stats.sign_flip([-1, 2, 4]) == 4 / 8
    assert stats.sign_flip_between([-9, 2, 4], [1, 2, 4]) == 1.0  # the mean may be zero
    assert stats.sign_flip_between([], []) is stats.wilcoxon_between([], []) is None


def test_the_sign_flip_p_is_the_largest_in_the_box():
    for low, high in boxes(5, 12):
        assert stats.sign_flip_between(low, high) >= max(stats.sign_flip(x) for x in inside(low, high)) - 1e-12
        assert stats.sign_flip_between(low, low) == stats.sign_flip(low)
        assert np.sign(stats.mean_between(low, high)) in (0, np.sign(np.mean(low)))


def test_the_interval_contains_that_of_every_value_in_the_box():
    rng = np.random.Generator(np.random.Philox(key=22))
    low = rng.normal(0.2, 1, 8)
    high = low + rng.uniform(0, 0.3, 8)
    ends = stats.sign_flip_interval_between(low, high, 0.9)
    for _ in range(20):
        inner = stats.sign_flip_interval(rng.uniform(low, high), 0.9)
        assert ends[0] <= inner[0] and inner[1] <= ends[1]
    assert stats.sign_flip_interval_between(low, low) == stats.sign_flip_interval(low)
    assert stats.sign_flip_interval_between([3, 1, 4, 1.5, 9, 2.6], [3.5, 2, 4, 1.5, 10, 2.6]) == pytest.approx((1, 10))
    assert stats.sign_flip_interval_between([1], [2]) == (None, None)


def test_wilcoxon_between_by_hand():
    # least 1 2 -3 4 5 6: the negative rank is 3; subsets of ranks of sum <= 3: {} 1 2 3 12, so 2 x 5 / 64
    assert stats.wilcoxon_between([1, 2, -3, 4, 5, 6], [2, 3, -1, 5, 6, 7]) == 10 / 64
    # tied at 2, the negative one is given the higher rank: 1, -2 and 3 4: sums <= 2: {} 1 2, so 2 x 3 / 16
    assert stats.wilcoxon_between([2, -2, 3, 4], [2, -1, 3, 4]) == 6 / 16
    assert stats.wilcoxon_between([2, -2, 3, 4], [2, -2, 3, 4]) == stats.wilcoxon([2, -2, 3, 4])
    # a zero that may be above zero is ranked as a negative one, a zero that is known is not
    assert stats.wilcoxon_between([0, 1, 2], [1, 1, 2]) == 4 / 8  # -1 2 3: {} 1
    assert stats.wilcoxon_between([0, 1, 2], [0, 2, 3]) == 2 / 4


def test_wilcoxon_between_is_the_largest_p_of_values_without_ties():
    rng = np.random.Generator(np.random.Philox(key=23))
    for low, high in boxes(6, 30):
        for _ in range(10):
            x = rng.uniform(low, high)
            untied = np.unique(np.abs(x)).size == x.size and x.all()
            assert not untied or stats.wilcoxon_between(low, high) >= stats.wilcoxon(x) - 1e-12
        assert stats.wilcoxon_between(low, low) == stats.wilcoxon(low)
        assert stats.wilcoxon_between(low, high) == stats.wilcoxon_between(-high, -low)


INF = math.inf


def test_misses_are_losses_whatever_the_times():
    ratios = [0.1, 0.2, 0.3, 0.4, 0.5, INF, INF, -INF]  # 7 : 1 is reached by 9 of 128 flips of one sign
    assert stats.misses_last(ratios, ratios) == 9 / 128
    assert stats.misses_last_favours(ratios, ratios) == 6
    assert stats.misses_last([-INF] * 6 + [0, 0], [-INF] * 6 + [0, 0]) == 2 / 64  # ties of misses are left out
    assert stats.misses_last_favours([-INF] * 6, [-INF] * 6) == -6
    assert stats.misses_last([0, 0], [0, 0]) == 1.0 and stats.misses_last([], []) is None
    assert stats.misses_last([1] * 30 + [-1] * 10, [1] * 30 + [-1] * 10) == pytest.approx(0.00222143, rel=1e-5)


def test_the_sign_test_within_brackets_is_the_least_favourable():
    assert stats.misses_last([-0.1, 0.2, 0.3, INF], [0.1, 0.3, 0.4, INF]) == 10 / 16  # 3 : 1
    assert stats.misses_last([-1, -0.2, INF], [1, 0.2, INF]) == 1.0
    assert stats.misses_last_favours([-1, -0.2, 1], [1, 0.2, 2]) == 0.0
    for low, high in boxes(5, 12):
        signs = [np.sign(x) for x in inside(low, high)]
        assert stats.misses_last(low, high) == max(stats.sign_flip(x) for x in signs)


def test_infinite_differences_have_the_highest_ranks():
    # ranks 1 2 3 4.5 4.5: the subsets of sum <= 4.5 are {} 1 2 3 4.5 4.5 12 13, so 2 x 8 of 32
    assert stats.wilcoxon([0.1, 0.2, 0.3, INF, -INF]) == 16 / 32
    assert stats.wilcoxon_between([-0.1, 0.2, 0.3, INF], [0.1, 0.3, 0.4, INF]) == 4 / 16


def test_the_brackets_of_log_ratios_with_misses():
    baseline = [[9, 8, 100, 100, INF, 100, INF, INF], [10, 8, INF, INF, INF, INF, INF, INF]]
    method = [[4, 100, 7, 100, INF, INF, 100, 9], [5, INF, 7, INF, INF, INF, INF, 9]]
    low, high = stats.log_ratio_brackets(baseline, method)
    assert list(low) == [math.log(9 / 5), -INF, INF, 0, 0, -INF, 0, INF]
    assert list(high) == [math.log(10 / 4), -INF, INF, 0, 0, 0, INF, INF]


def test_no_budget_turns_the_conclusion_about_a_method_that_diverges():
    """The baseline is censored on ever fewer seeds: the p of the opposite ends falls, never the direction."""
    times, diverged = np.arange(1.0, 11), np.arange(10) % 3 == 0
    found = []
    for budget in (2, 5, 8, 100):
        late = times > budget
        baseline = np.where(late, [[budget], [INF]], times)
        method = np.where(diverged, INF, np.full((2, 10), 0.5))
        ends = stats.log_ratio_brackets(baseline, method)
        found.append((stats.misses_last(*ends), stats.misses_last_favours(*ends)))
    assert set(found) == {(found[-1])} and found[-1][1] == 2  # 6 : 4


def test_a_scale_does_not_change_the_ranks_of_misses():
    assert list(stats.signed_ranks([1e-9, -math.inf, 2e-9, math.inf, 0])) == [2, -4.5, 3, 4.5, 0]


def test_equivalence_by_hand():
    # +0.5: 0.4 0.5 0.6 0.7, all positive, and 0.5 -: 0.6 0.5 0.4 0.3: one of the 16 flips each
    assert stats.equivalence([-0.1, 0, 0.1, 0.2], [-0.1, 0, 0.1, 0.2], 0.5) == 1 / 16
    # 0.15 -: 0.25 0.15 0.05 -0.05, sum 0.4: reached by {} and by flipping -0.05; flipping both small ones ties
    assert stats.equivalence([-0.1, 0, 0.1, 0.2], [-0.1, 0, 0.1, 0.2], 0.15) == 3 / 16
    assert stats.equivalence([-0.1, 0, 0.1, 0.2], [-0.1, 0, 0.1, 0.9], 0.15) == 1.0  # the greatest mean is beyond
    assert stats.equivalence([-0.9, 0, 0.1, 0.2], [-0.1, 0, 0.1, 0.2], 0.15) == 1.0
    assert stats.equivalence([], [], 0.1) is None


def test_equivalence_is_an_interval_within_the_margin():
    rng = np.random.Generator(np.random.Philox(key=24))
    seen = set()
    for _ in range(40):
        d = rng.normal(0, 0.1, 9)
        low, high = stats.sign_flip_interval(d, 0.9)
        found = stats.equivalence(d, d, 0.08) <= 0.05
        assert found == (-0.08 < low and high < 0.08)
        seen.add(found)
    assert seen == {True, False}


def test_the_interval_of_the_probability_of_superiority():
    # 10 of 10: (alpha / 2)^(1 / 10); one of 1: alpha / 2
    assert stats.superiority_interval(10, 0, 10) == (pytest.approx(0.025**0.1), 1.0)
    assert stats.superiority_interval(0, 0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
    assert stats.superiority_interval(1, 0, 1, 0.9) == (pytest.approx(0.05), 1.0)
    low, high = stats.superiority_interval(2, 2, 6)
    assert low == pytest.approx(1 - high) and 0.1 < low < 0.5  # 3 of 6 is symmetric
    assert stats.superiority_interval(0, 0, 0) == (None, None)


def test_the_ends_of_clopper_and_pearson_are_tails_of_the_binomial():
    low, high = stats.superiority_interval(7, 0, 10)
    above = sum(math.comb(10, k) * low**k * (1 - low) ** (10 - k) for k in range(7, 11))
    below = sum(math.comb(10, k) * high**k * (1 - high) ** (10 - k) for k in range(8))
    assert (above, below) == pytest.approx((0.025, 0.025))


def test_skewness_by_hand():
    # 0 0 3: mean 1, m2 = 2, m3 = 2; sqrt(6) / 1 x 2 / 2^1.5
    assert stats.skewness([0, 0, 3]) == pytest.approx(math.sqrt(3))
    assert stats.skewness([1, 2, 3]) == 0.0
    assert stats.skewness([1, 2]) is stats.skewness([2, 2, 2]) is None


def test_the_valid_end_of_a_bound_has_a_higher_confidence():
    assert stats.bound_confidence(0.95, 25) == pytest.approx(0.98)
    assert stats.bound_confidence(0.95, 6) == 1 - 2 / 64  # all that six pairs reach
    assert stats.bound_confidence(0.95, 5) == 0.95  # no interval
    assert stats.sign_flip_interval([1, 2, 3, 4, 5, 9], stats.bound_confidence(0.95, 6)) == pytest.approx((1, 9))
