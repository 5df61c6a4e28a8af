"""Group-sequential designs against published boundaries, by hand and by simulation."""

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from grokbench import stats


def z(p_values):
    return [-float(ndtri(p / 2)) for p in p_values]


def test_the_published_boundaries_of_four_equal_looks():
    assert z(stats.boundaries([5, 10, 15, 20], 0.05)) == pytest.approx([4.333, 2.963, 2.359, 2.014], abs=5e-4)


def test_a_look_spends_what_the_function_says():
    assert stats.spent(1, 0.05) == pytest.approx(0.05) and stats.spent(0.5, 0.05) < 0.05 / 10
    assert stats.spent(0.25, 0.05) == pytest.approx(4 * ndtr(-2.241403 / 0.5), rel=1e-5)
    assert stats.boundaries([6, 12], 0.05)[0] == pytest.approx(stats.spent(0.5, 0.05))  # nothing stopped before
    assert stats.boundaries([25], 0.05) == pytest.approx([0.05])


def test_the_boundaries_are_crossed_as_often_as_the_level():
    looks = [6, 9, 14, 20]
    rng = np.random.Generator(np.random.Philox(key=5))
    sums = rng.normal(size=(200_000, 20)).cumsum(1)[:, np.array(looks) - 1] / np.sqrt(looks)
    crossed = (np.abs(sums) >= z(stats.boundaries(looks, 0.2))).any(1).mean()
    assert crossed == pytest.approx(0.2, abs=4 * math.sqrt(0.2 * 0.8 / 200_000))


@pytest.mark.parametrize("looks", [[10, 15, 20, 25], list(range(6, 21)), [24, 25]])
def test_designs_are_nested(looks):
    nominal = np.array([stats.boundaries(looks, alpha) for alpha in np.geomspace(1e-6, 1, 25)])
    assert (np.diff(nominal, axis=0) >= 0).all()


def test_the_p_of_a_design_is_the_level_at_which_it_rejects():
    looks = [10, 15, 20, 25]
    third = stats.boundaries(looks, 0.03)[2]
    assert stats.sequential_p(looks, [0.9, 0.9, third]) == pytest.approx(0.03)
    assert stats.sequential_p(looks, [0.9, 0.9, third, 0.9]) == pytest.approx(0.03)  # a later look takes nothing back
    assert stats.sequential_p(looks, [None, None, third]) == pytest.approx(0.03)
    assert stats.sequential_p(looks, [0.9, 0.9, third * 1.01]) > 0.03
    last = [stats.boundaries(looks, alpha)[3] for alpha in (0.04, 0.06)]
    assert 0.04 < stats.sequential_p(looks, [1, 1, 1, sum(last) / 2]) < 0.06


def test_the_p_of_a_design_without_early_looks_is_that_of_the_test():
    assert stats.sequential_p([25], [0.03]) == 0.03
    assert stats.sequential_p([25], [0.05]) == 0.05
    assert stats.sequential_p([10, 25], []) == stats.sequential_p([10, 25], [None]) == 1.0
    assert stats.sequential_p([10, 25], [0.0]) == 0.0


def test_looks_with_too_few_pairs_are_undecidable():
    assert stats.undecidable([10, 15, 20, 25], 0.05) == [10]  # 0.0008 is spent, and 2 / 2^10 = 0.002 is reached
    assert stats.undecidable(list(range(6, 21)), 0.05) == [6, 7, 8, 9]
    assert stats.undecidable([4], 0.05) == [4] and stats.undecidable([6], 0.05) == []
