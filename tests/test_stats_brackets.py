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


def test_misses_rank_above_every_ratio_by_hand():
    inf = math.inf
    # |d| ranks 1 2 3 and 4.5 twice: subsets of 1 2 3 4.5 4.5 of sum <= 4.5: {} 1 2 3 4.5 4.5 12 13, 2 x 8 / 32
    assert stats.misses_last([0.1, 0.2, 0.3, inf, -inf], [0.1, 0.2, 0.3, inf, -inf]) == 16 / 32
    assert stats.misses_last_favours([0.1, 0.2, 0.3, inf, -inf], [0.1, 0.2, 0.3, inf, -inf]) == 6
    assert stats.misses_last([inf] * 6, [inf] * 6) == 2 / 64
    # both missed: a zero, ranked and dropped: 3.5 3.5 against 0 0, so all four flips of ++ but two are as extreme
    assert stats.misses_last([0, 0, -inf, -inf], [0, 0, -inf, -inf]) == 2 / 4
    assert stats.misses_last_favours([0, 0, -inf, -inf], [0, 0, -inf, -inf]) == -7
    assert stats.misses_last([0, 0], [0, 0]) == 1.0 and stats.misses_last([], []) is None
    # a bracket: 0.1 may be -0.1, and then the sum 2 + 3 + 4 - 1 has the subsets {} 1
    assert stats.misses_last([-0.1, 0.2, 0.3, inf], [0.1, 0.3, 0.4, inf]) == 4 / 16
    assert stats.misses_last([-1, -0.2, inf], [1, 0.2, inf]) == 1.0  # 3 - 2 - 1: no direction
    assert stats.misses_last_favours([-1, -0.2, 1], [1, 0.2, 2]) == 0.0


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
