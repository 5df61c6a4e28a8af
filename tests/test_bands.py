"""Bands of curves, by hand and against a loop over epochs and seeds."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.judging.bands import band, thinned
from grokbench.records import Curve, Outcome, Run

NAN = math.nan


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def a_run(seed, curves, outcome=Outcome.CENSORED):
    last = max((curve.epochs[-1] for curve in curves.values() if curve.epochs), default=0)
    return Run("c", seed, outcome, last if outcome is Outcome.GROKKED else None, None, last, curves=curves)


def a_curve(values, every=1):
    return Curve(tuple(range(0, every * len(values), every)), tuple(map(float, values)))


def of(*curves, outcomes=None):
    """Runs that recorded `m`, from seed 0."""
    outcomes = outcomes or [Outcome.GROKKED] * len(curves)
    pairs = zip(curves, outcomes, strict=True)
    return [a_run(seed, {"m": curve}, outcome) for seed, (curve, outcome) in enumerate(pairs)]


def same(values, expected):
    return np.array_equal(np.asarray(values, float), np.asarray(expected, float), equal_nan=True)


def test_seeds_that_stop_keep_their_last_value():
    found = band(of(a_curve([0, 1]), a_curve([0, 2, 4]), a_curve([0, 3, 5, 9])), "m")
    assert found.epochs.tolist() == [0, 1, 2, 3]
    assert same(found.median, [0, 2, 4, 4])  # of 0, 1, 1, 1; of 0, 2, 4, 4; of 0, 3, 5, 9
    assert same(found.low, [0, 1.5, 2.5, 2.5]) and same(found.high, [0, 2.5, 4.5, 6.5])
    assert same(found.seeds[0], [0, 1, NAN, NAN]) and same(found.seeds[2], [0, 3, 5, 9])


def test_means_and_standard_deviations_are_of_the_seeds_with_a_value():
    diverged = a_curve([0, 8, NAN])
    found = band(of(diverged, a_curve([2, 4, 6, 1e200]), outcomes=[Outcome.DIVERGED, Outcome.CENSORED]), "m")
    assert same(found.mean, [1, 6, 6, 1e200]) and same(found.sd, [2**0.5, 8**0.5, 0, 0])
    large = band(of(a_curve([1e300]), a_curve([-1e300])), "m")
    assert same(large.mean, [0]) and large.sd == pytest.approx([2**0.5 * 1e300])
    assert same(band(of(a_curve([NAN, 1]), a_curve([NAN, 3])), "m").mean, [NAN, 2])


def test_a_diverged_curve_ends_at_its_last_finite_value():
    diverged = a_curve([0, 8, NAN])
    found = band(of(diverged, a_curve([0, 2, 4, 6]), outcomes=[Outcome.DIVERGED, Outcome.CENSORED]), "m")
    assert same(found.median, [0, 5, 4, 6]) and same(found.low, [0, 3.5, 4, 6])
    assert same(found.seeds[0], [0, 8, NAN, NAN])


def test_a_diverged_curve_with_a_finite_end_is_not_extended():
    found = band(of(a_curve([0, 8]), a_curve([0, 2, 4]), outcomes=[Outcome.DIVERGED, Outcome.CENSORED]), "m")
    assert same(found.median, [0, 5, 4])


def test_all_diverged_from_the_start():
    found = band(of(a_curve([NAN, NAN]), a_curve([math.inf, -math.inf]), outcomes=[Outcome.DIVERGED] * 2), "m")
    assert same(found.median, [NAN, NAN]) and same(found.low, [NAN, NAN]) and found.epochs.tolist() == [0, 1]


def test_a_hole_in_a_curve_stays_one():
    found = band(of(a_curve([0, NAN, 4])), "m")
    assert same(found.median, [0, NAN, 4])


def test_one_seed_is_its_own_median_and_quartiles():
    found = band(of(a_curve([3, 1, 2])), "m")
    assert same(found.low, [3, 1, 2]) and same(found.median, [3, 1, 2]) and same(found.high, [3, 1, 2])


def test_one_evaluation():
    found = band(of(a_curve([3]), a_curve([5])), "m")
    assert found.epochs.tolist() == [0] and same(found.median, [4]) and same(found.low, [3.5])


def test_runs_without_the_metric_and_failed_ones_are_left_aside():
    runs = of(a_curve([1, 2]), a_curve([3, 4]), a_curve([9, 9]))
    runs[1] = a_run(1, {"other": a_curve([7])})
    runs[2] = a_run(2, {"m": a_curve([9, 9])}, Outcome.FAILED)
    assert same(band(runs, "m").median, [1, 2]) and set(band(runs, "m").seeds) == {0}
    assert band(runs, "none") is None
    assert band([a_run(0, {"m": Curve((), ())})], "m") is None
    assert band([], "m") is None


def test_seeds_measured_at_other_epochs_hold_what_was_measured_last():
    found = band(of(a_curve([0, 4], every=4), a_curve([0, 1, 2, 3, 4])), "m")
    assert found.epochs.tolist() == [0, 1, 2, 3, 4]
    assert same(found.seeds[0], [0, 0, 0, 0, 4]) and same(found.median, [0, 0.5, 1, 1.5, 4])


def test_a_curve_that_begins_late_has_nothing_before():
    found = band(of(Curve((2, 3), (5.0, 6.0)), a_curve([1, 1, 1, 1])), "m")
    assert same(found.seeds[0], [NAN, NAN, 5, 6]) and same(found.median, [1, 1, 3, 3.5])


def test_an_end_that_was_thinned_away_is_seen_all_the_same():
    long = a_curve(range(1001))
    early = a_curve([0] * 700 + [50])  # ends at epoch 700
    found = band(of(early, long), "m", most=20)
    known = np.flatnonzero(np.isfinite(found.seeds[0]))
    assert found.seeds[0][known[-1]] == 50 and found.epochs[known[-1]] >= 700
    assert same(found.low[-1:], [50 + 0.25 * 950])


evaluations = st.lists(st.integers(0, 3_000), min_size=1, max_size=300, unique=True).map(sorted)


@given(st.lists(evaluations, min_size=1, max_size=3), st.integers(2, 200))
@settings(max_examples=60, deadline=None)
def test_thinning_keeps_the_first_and_the_last_and_no_more_than_asked(curves, most):
    found = thinned(curves, most).tolist()
    every = sorted({epoch for curve in curves for epoch in curve})
    assert set(found) <= set(every) and found == sorted(found) and len(found) <= max(most, 1)
    assert (found[0], found[-1]) == (every[0], every[-1])
    assert found == every or len(every) > most


def test_thinning_serves_either_axis():
    found = thinned([range(2_001)], 120)
    assert np.diff(found).max() <= 2_001 / 35  # a linear axis
    assert np.diff(np.log1p(found)).max() <= max(math.log(2), math.log(2_001) / 70)  # a logarithmic one
    assert found[:6].tolist() == [0, 1, 2, 3, 4, 5]


def test_values_whose_difference_is_not_finite_count_as_not_finite():
    """A chart of them has an axis all the same."""
    curve = Curve((0, 1, 2), (0.5, 1e308, -1e308))
    found = band([Run("c", 1, Outcome.CENSORED, None, None, 2, curves={"m": curve})], "m")
    assert found.median[0] == 0.5 and np.isnan(found.median[1:]).all()


values = st.one_of(st.floats(-9, 9), st.just(NAN), st.just(math.inf))
a_seed = st.tuples(st.lists(values, min_size=1, max_size=8), st.sampled_from([*Outcome]))


def by_epoch(runs):
    """Each epoch by itself, each seed by itself."""
    rows = []
    for epoch in sorted({epoch for run in runs for epoch in run.curves["m"].epochs}):
        found = []
        for run in runs:
            curve = run.curves["m"]
            if run.outcome is Outcome.FAILED:
                continue
            if epoch in curve.epochs:
                value = curve.values[curve.epochs.index(epoch)]
            else:
                value = NAN if run.outcome is Outcome.DIVERGED else curve.values[-1]
            if math.isfinite(value):
                found.append(value)
        rows.append(np.quantile(found, [0.25, 0.5, 0.75]) if found else [NAN] * 3)
    return np.transpose(rows)


@given(st.lists(a_seed, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_band_equals_the_loop(seeds):
    runs = of(*(a_curve(each) for each, _ in seeds), outcomes=[outcome for _, outcome in seeds])
    sound = [run for run in runs if run.outcome is not Outcome.FAILED]
    found = band(runs, "m")
    if not sound:
        assert found is None
        return
    expected = by_epoch(sound)
    assert np.allclose([found.low, found.median, found.high], expected, rtol=1e-12, atol=1e-12, equal_nan=True)
