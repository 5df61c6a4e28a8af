import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench import stats
from grokbench.stats import sign_flip_test

differences = st.lists(st.integers(-6, 6), min_size=1, max_size=9)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def enumerated(d):
    """Every one of the 2^n sign patterns, one by one."""
    target = abs(sum(d)) - 1e-9
    patterns = list(itertools.product([1, -1], repeat=len(d)))
    return sum(abs(sum(s * x for s, x in zip(p, d, strict=True))) >= target for p in patterns) / len(patterns)


def test_sign_flip_of_three_pairs_by_hand():
    # sums of +-1 +-2 +-4: 7, 5, 3, 1 and their opposites; 7 is reached by two of the eight, 5 by four
    assert stats.sign_flip([1, 2, 4]) == 2 / 8
    assert stats.sign_flip([-1, 2, 4]) == 4 / 8
    assert stats.sign_flip([-1, -2, 4]) == 8 / 8


@given(differences)
@settings(deadline=None)
def test_sign_flip_equals_enumeration(d):
    assert stats.sign_flip(d) == pytest.approx(enumerated(d), abs=1e-15)


@given(differences, st.randoms())
@settings(deadline=None)
def test_permuting_seeds_changes_nothing(d, random):
    shuffled = random.sample(d, len(d))
    for test in (stats.sign_flip, stats.wilcoxon, stats.paired_t, stats.effect_size):
        assert test(shuffled) == pytest.approx(test(d))


def test_ties_count_as_extreme_although_floats_differ():
    d = [0.1, 0.2, 0.3, -0.3, -0.2, 0.7]  # 0.8 is reached in several ways, whose float sums differ
    assert stats.sign_flip(d) == enumerated(d)
    assert stats.sign_flip([0.1] * 3 + [-0.1] * 2) == enumerated([1, 1, 1, -1, -1]) == 1.0


def test_twenty_five_pairs_are_exact():
    assert stats.sign_flip(np.linspace(0.1, 1, 25)) == 2 / 2**25 == stats.smallest_p(25)
    assert stats.sign_flip([1.0] * 20 + [-1.0] * 5) == pytest.approx(
        2 * sum(math.comb(25, k) for k in range(6)) / 2**25, rel=1e-12
    )


def test_beyond_exact_pairs_the_estimate_is_close_and_repeatable(monkeypatch):
    d = np.random.default_rng(1).normal(0.5, 1, 20)
    exact, ends = stats.sign_flip(d), stats.sign_flip_interval(d)
    monkeypatch.setattr(sign_flip_test, "EXACT_PAIRS", 10)
    assert stats.sign_flip(d) == stats.sign_flip(d) == pytest.approx(exact, abs=0.004)
    assert stats.sign_flip_interval(d) == pytest.approx(ends, abs=0.02)
    assert stats.sign_flip(np.ones(40)) == 1 / (1 + stats.MONTE_CARLO_DRAWS)


def test_degenerate_sign_flips():
    assert stats.sign_flip([]) is None
    assert stats.sign_flip([0.0] * 5) == 1.0
    assert stats.sign_flip([3.0]) == 1.0
    assert stats.sign_flip([2.0] * 5) == 2 / 32


def test_interval_of_six_pairs_is_their_range():
    # 95%: p > 0.05 needs two of the 63 subset means below (4/64), so the ends are the extreme subset means
    assert stats.sign_flip_interval([3, 1, 4, 1.5, 9, 2.6]) == pytest.approx((1, 9), abs=1e-9)


@given(st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=6, max_size=8))
@settings(max_examples=30, deadline=None)
def test_interval_ends_are_subset_means(d):
    """Hartigan: rejecting p <= alpha leaves everything from the k-th smallest subset mean, k = floor(alpha 2^(n-1))."""
    subsets = (s for r in range(1, len(d) + 1) for s in itertools.combinations(d, r))
    means = sorted(sum(s) / len(s) for s in subsets)
    k = math.floor(0.05 * 2 ** (len(d) - 1) + 1e-9)
    assert stats.sign_flip_interval(d) == pytest.approx((means[k - 1], means[-k]), abs=1e-7)


def test_interval_is_honest_about_too_few_pairs():
    assert stats.sign_flip_interval([1, 2, 3, 4, 5]) == (None, None)
    assert stats.sign_flip_interval([]) == (None, None)
    assert stats.sign_flip_interval([1, 2, 3, 4, 5], confidence=0.9) == pytest.approx((1, 5), abs=1e-9)
    assert stats.sign_flip_interval([0.3] * 8) == pytest.approx((0.3, 0.3))


def test_paired_t_by_hand_and_against_scipy():
    from scipy.stats import ttest_1samp

    # mean 2, standard deviation 1, n = 3: t = 2 sqrt 3 with 2 degrees of freedom, p = 1 - t / sqrt(t^2 + 2)
    assert stats.paired_t([1, 2, 3]) == pytest.approx(1 - math.sqrt(12 / 14))
    d = np.random.default_rng(0).normal(0.3, 1, 12)
    assert stats.paired_t(d) == pytest.approx(ttest_1samp(d, 0).pvalue)


@pytest.mark.parametrize("test", [stats.paired_t, stats.effect_size])
def test_no_spread_gives_none_and_no_difference_a_value(test):
    assert test([]) is test([1.0]) is test([0.1] * 7) is None
    assert test([0.0, 0.0]) == (1.0 if test is stats.paired_t else 0.0)


def test_wilcoxon_by_hand_with_a_zero_and_a_tie():
    # |d| = 0 1 1 3: ranks 1, 2.5, 2.5, 4; the zero drops: 2.5 2.5 4 all positive, 2 of 8 flips are as extreme
    assert stats.wilcoxon([0, 1, 1, 3]) == 2 / 8
    # 2.5 - 2.5 + 4 = 4 is reached by 9, 4, 4, -1, 1, -4, -4, -9: six of eight
    assert stats.wilcoxon([0, 1, -1, 3]) == 6 / 8


def test_wilcoxon_equals_scipy_without_ties():
    from scipy.stats import wilcoxon

    d = np.random.default_rng(3).normal(0.4, 1, 14)
    assert stats.wilcoxon(d) == pytest.approx(wilcoxon(d, method="exact").pvalue)
    assert stats.wilcoxon([]) is None and stats.wilcoxon([0, 0]) == 1.0


def test_holm_by_hand():
    # sorted 0.01 0.02 0.03 0.5: times 4 3 2 1 = 0.04 0.06 0.06 0.5, never falling
    assert stats.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert stats.holm([]) == []


def test_holm_counts_what_has_not_been_run():
    assert stats.holm([0.01, None, None]) == [pytest.approx(0.03), None, None]
    assert stats.holm([0.9, None]) == [1.0, None]


def test_smallest_p_and_the_pairs_it_takes():
    assert stats.smallest_p(5) == 0.0625 and stats.smallest_p(0) == 1.0
    assert [stats.pairs_needed(tests) for tests in (1, 9, 72)] == [6, 9, 12]
    assert stats.pairs_needed(1, alpha=0.0625) == 5
    for tests in range(1, 200):
        n = stats.pairs_needed(tests)
        assert tests * stats.smallest_p(n) <= 0.05 < tests * stats.smallest_p(n - 1)


def test_superiority_counts_ties_half():
    assert stats.superiority([10, 10, 10, 10], [5, 10, 10, 20]) == 0.5
    assert stats.superiority([10, 10], [5, 5]) == 1.0
    assert stats.superiority([], []) is None


def test_effect_size_by_hand():
    assert stats.effect_size([1, 2, 3]) == 2.0


def test_fieller_is_the_inverted_paired_t():
    rng = np.random.default_rng(2)
    x, y = rng.normal(30, 5, 10), rng.normal(10, 2, 10)
    low, high = stats.ratio_of_means_interval(x, y)
    assert low < x.mean() / y.mean() < high
    assert stats.paired_t(x - low * y) == pytest.approx(0.05)
    assert stats.paired_t(x - high * y) == pytest.approx(0.05)


def test_degenerate_ratios():
    assert stats.ratio_of_means_interval([2], [1]) == (None, None)
    assert stats.ratio_of_means_interval([2, 2, 2], [1, 1, 1]) == pytest.approx((2, 2))
    assert stats.ratio_of_means_interval([2, 2, 2], [0, 0, 9]) == (None, None)  # mean not clearly above zero
    assert stats.ratio_of_means_interval([0, 0, 9], [2, 2, 2.1])[0] == 0.0  # cut: times are positive


def test_the_interval_of_a_median_by_hand():
    seven = [7.0, 1.0, 5.0, 3.0, 2.0, 6.0, 4.0]
    assert stats.median_interval(seven) == (1.0, 7.0)  # misses with 2 / 2^7 = 0.016; the next pair with 16 / 2^7
    assert stats.median_interval(seven, 0.85) == (2.0, 6.0)
    assert stats.median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) == (None, None)  # 2 / 2^5 = 0.0625 is too often
    assert stats.median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (1.0, 6.0)
    assert stats.median_interval(list(range(1, 2001))) == (956.0, 1045.0)  # k: the 2.5% quantile of Binomial(2000, 1/2)
    assert stats.median_interval(list(range(1, 21))) == (6.0, 15.0)  # the printed table's 5.76, conservatively


def test_the_interval_of_a_median_covers_as_often_as_it_says():
    generator = np.random.Generator(np.random.Philox(key=3))
    ends = [stats.median_interval(list(generator.exponential(size=12))) for _ in range(4000)]
    covered = np.mean([low <= math.log(2) <= high for low, high in ends])
    assert 0.95 - 0.01 <= covered <= 0.99


def test_half_the_width_of_students_interval_by_hand():
    assert stats.mean_half_width([1.0, 2.0, 3.0]) == pytest.approx(4.302652729911275 / math.sqrt(3))
    assert stats.mean_half_width([1.0]) is None
