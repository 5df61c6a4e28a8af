"""Every statistic against what others compute, on 200 data sets with ties and censoring, to 1e-10.

Libraries where they have the statistic (scipy, statsmodels, lifelines); enumeration and root finding where they have
another convention or none. Needs the extra `oracles`; `nox -s oracles` installs it.
"""

import gc
import itertools
import statistics
import warnings

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binomtest, multivariate_normal, norm, rankdata, skew, t, ttest_1samp, ttest_rel

from grokbench import stats
from grokbench.judging.effects import effect
from grokbench.judging.outcomes import Measured
from grokbench.records import Cell, Outcome, Run
from grokbench.stats.survival import half_time, kaplan_meier, median_time

from .helpers.recipes import RECIPE

lifelines = pytest.importorskip("lifelines")
multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
proportion_confint = pytest.importorskip("statsmodels.stats.proportion").proportion_confint
DescrStatsW = pytest.importorskip("statsmodels.stats.weightstats").DescrStatsW

pytestmark = pytest.mark.oracles

SETS = range(200)
BUDGET = 400
CELL = Cell("parity", "method", "id", RECIPE, budget=BUDGET, evaluate_every=1, metrics={})
close = pytest.approx


def drawn(number, most):
    """Times to grok (None: not by the budget) of n pairs, from 1 to `most`: few values, many, or censored often."""
    rng = np.random.default_rng(number)
    n, few, late = 1 + number % most, number % 2 == 0, number % 5 == 0
    times = np.exp(rng.normal(5.5 if late else 4, 1, (2, n)) + rng.normal(0, 0.5, n) - [[0], [rng.normal(0, 0.7)]])
    grid = 100 if few else 1
    epochs = np.maximum(grid * np.ceil(times / grid), 1).astype(int)
    return [[int(at) if at <= BUDGET else None for at in row] for row in epochs]


def measured(times):
    runs = [
        Run("id", seed, Outcome.CENSORED if at is None else Outcome.GROKKED, at, None, BUDGET if at is None else at)
        for seed, at in enumerate(times)
    ]
    return Measured(CELL, tuple(runs))


def compared(number, most):
    """The baseline, the method, and the effect between them."""
    baseline, method = map(measured, drawn(number, most))
    return baseline, method, effect(baseline, method)


def signs(n):
    """Every sign pattern, (2^n, n)."""
    return np.array(list(itertools.product([1.0, -1.0], repeat=n)))


def enumerated(d):
    """The p of the sum of d under all 2^n sign flips; sums that differ by rounding alone are equal."""
    d = np.asarray(d, float)
    return float(np.mean(np.abs(signs(d.size) @ d) >= abs(d.sum()) - 1e-12 * np.abs(d).sum()))


def logs(baseline, method):
    return np.log(np.array(baseline.ratio_times) / np.array(method.ratio_times))


@pytest.mark.parametrize("number", SETS)
def test_sign_flip_and_wilcoxon_by_enumeration(number):
    baseline, method, found = compared(number, 12)
    d = logs(baseline, method)
    assert found.p["sign_flip"] == close(enumerated(d), abs=1e-10)
    rounded = np.round(d, 12)  # equal ratios tie, whatever their logarithms' last digits
    ranks = np.where(rounded == 0, 0.0, rankdata(np.abs(rounded)))  # Pratt: zeros take ranks, then drop out
    assert found.p["wilcoxon"] == close(enumerated(np.sign(rounded) * ranks), abs=1e-10)


@pytest.mark.parametrize("number", SETS)
def test_the_interval_by_trying_every_shift(number):
    """p changes at subset means only: one shift between each two of them tells which are not rejected."""
    baseline, method, found = compared(number, 9)
    d = logs(baseline, method)
    subsets = np.array(list(itertools.product([0, 1], repeat=d.size))[1:])
    means = np.unique(np.round(subsets @ d / subsets.sum(1), 12))
    outside = [means[0] - 1, *(means[:-1] + means[1:]) / 2, means[-1] + 1]
    confidence = stats.bound_confidence(0.95, d.size) if found.bound else 0.95  # the valid end of a bound has its own
    kept = [enumerated(d - shift) > 1 - confidence for shift in outside]
    if kept[0] or not (any(baseline.grokked) or any(method.grokked)):
        assert found.low is found.high is None
        return
    inner = [i for i, keep in enumerate(kept) if keep]
    ends = (means[inner[0] - 1], means[inner[-1]]) if inner else (means[0], means[-1])  # no shift: all are equal
    assert (np.log(found.low), np.log(found.high)) == close(ends, abs=1e-10)
    assert found.speedup == close(np.exp(statistics.fmean(d)), rel=1e-10)


@pytest.mark.parametrize("number", SETS)
def test_paired_t_effect_size_and_superiority(number):
    baseline, method = map(measured, drawn(number, 40))
    before, after = np.array(baseline.ratio_times), np.array(method.ratio_times)
    d, ratios = before - after, logs(baseline, method)
    if not d.any():
        assert (stats.paired_t(d), stats.effect_size(ratios)) == (1.0, 0.0)  # libraries say nan: 0 / 0
    elif d.size == 1 or np.ptp(d) == 0:
        assert stats.paired_t(d) is None  # libraries say nan, or 0
    else:
        assert stats.paired_t(d) == close(ttest_rel(before, after).pvalue, abs=1e-10)
        assert stats.paired_t(d) == close(DescrStatsW(d).ttest_mean()[1], abs=1e-10)
    if ratios.size > 1 and np.ptp(ratios) > 1e-9:
        assert stats.effect_size(ratios) == close(statistics.fmean(ratios) / statistics.stdev(ratios), rel=1e-10)
    wins = [1.0 if a < b else 0.5 if a == b else 0.0 for b, a in zip(before, after, strict=True)]
    assert stats.superiority(before, after) == close(statistics.fmean(wins), abs=1e-10)


@pytest.mark.parametrize("number", SETS)
def test_fieller_by_root_finding(number):
    baseline, method = map(measured, drawn(number, 40))
    x, y = np.array(baseline.ratio_times), np.array(method.ratio_times)
    found, n = stats.ratio_of_means_interval(x, y), x.size
    if n == 1:
        assert found == (None, None)
        return
    limit = t.ppf(0.975, n - 1)

    def rejected(ratio):  # the paired t of x - ratio y beyond its critical value, without a root or a division
        e = x - ratio * y
        return n * e.mean() ** 2 - limit**2 * e.var(ddof=1)

    if np.ptp(y) and ttest_1samp(y, 0).pvalue >= 0.05:
        assert found == (None, None)  # no ratio is large enough to be rejected
        return
    middle = x.mean() / y.mean()
    if np.ptp(x - middle * y) < 1e-9:
        low = high = middle
    else:
        low, high = (brentq(rejected, middle, middle + way, xtol=1e-14, rtol=1e-14) for way in (-1e6, 1e6))
    assert found == close((max(low, 0.0), high), rel=1e-10)


@pytest.mark.parametrize("number", SETS)
def test_holm_as_statsmodels_does_it(number):
    rng = np.random.default_rng(number)
    p = np.minimum(1, np.round(rng.exponential(0.1, 1 + number % 30), 2))  # ties too
    assert stats.holm(list(p)) == close(list(multipletests(p, method="holm")[1]), abs=1e-10)
    missing = rng.random(p.size) < 0.3  # planned and not there yet: counts as a p of 1
    ours = stats.holm([None if gone else each for each, gone in zip(p, missing, strict=True)])
    theirs = multipletests(np.where(missing, 1.0, p), method="holm")[1]
    assert ours == [None if gone else close(each, abs=1e-10) for each, gone in zip(theirs, missing, strict=True)]


@pytest.mark.parametrize("number", SETS)
def test_kaplan_meier_and_the_median_as_lifelines_do_them(number):
    method = measured(drawn(number, 40)[1])
    fitted = lifelines.KaplanMeierFitter().fit(method.times, method.grokked)
    at, share = kaplan_meier(method.times, method.grokked)
    assert sorted(set(np.array(method.times)[np.array(method.grokked)])) == list(at)
    shares = np.atleast_1d(fitted.predict(at)) if at.size else at
    assert list(share) == close(list(shares), abs=1e-10)
    theirs = float(fitted.median_survival_time_)
    ours = median_time(method.times, method.grokked)
    half = np.flatnonzero(np.abs(shares - 0.5) < 1e-10)
    if half.size:  # lifelines takes this time (or, by a rounding, the next one); ours is the middle of the two
        first, following = [*at[half[0] : half[0] + 2], np.inf][:2]
        assert theirs in (first, following, np.inf)
        # where no event follows, lifelines (and R's survfit) end the median at the last; it may lie beyond the budget
        assert ours == (close((first + following) / 2, abs=1e-10) if np.isfinite(following) else None)
        assert half_time(method.times, method.grokked) == (None if np.isfinite(following) else first)
    else:
        assert ours == (close(theirs, abs=1e-10) if np.isfinite(theirs) else None)


@pytest.mark.parametrize("number", SETS)
def test_logrank_by_exchanging_labels_within_pairs(number):
    """The method's O - E is its events minus the Nelson-Aalen hazard, pooled, at each of its times."""
    baseline, method, found = compared(number, 12)
    times, grokked = baseline.times + method.times, np.array(baseline.grokked + method.grokked)
    pooled = lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False).fit(times, grokked)
    scores = grokked - pooled.predict(times).to_numpy()
    n = len(method.times)
    assert found.p["logrank"] == close(enumerated(scores[n:] - scores[:n]), abs=1e-10)


@pytest.mark.parametrize("number", SETS)
def test_the_hazard_behind_it_gives_the_o_minus_e_of_the_two_sample_test(number):
    """Unpaired, (O - E)^2 over its variance is lifelines' statistic: the same O - E, another reference."""
    baseline, method = map(measured, drawn(number, 40))
    times, grokked = np.array(baseline.times + method.times), np.array(baseline.grokked + method.grokked)
    of_method = np.arange(times.size) >= len(method.times)
    observed = expected = variance = 0.0
    for at in np.unique(times[grokked]):
        risk, events = times >= at, (times == at) & grokked
        n, n1, d = risk.sum(), (risk & of_method).sum(), events.sum()
        observed, expected = observed + (events & of_method).sum(), expected + d * n1 / n
        variance += d * n1 / n * (1 - n1 / n) * (n - d) / max(n - 1, 1)
    hazard = lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False).fit(times, grokked).predict(times).to_numpy()
    assert (grokked - hazard)[of_method].sum() == close(observed - expected, abs=1e-10)
    if variance > 1e-9:
        theirs = lifelines.statistics.logrank_test(baseline.times, method.times, baseline.grokked, method.grokked)
        assert theirs.test_statistic == close((observed - expected) ** 2 / variance, rel=1e-9)


@pytest.mark.parametrize("number", SETS)
def test_signs_superiority_and_skewness_as_libraries_do_them(number):
    baseline, method = drawn(number, 40)
    brackets = [np.array([(at, at) if at else (BUDGET, np.inf) for at in side]).T for side in (baseline, method)]
    ends = stats.log_ratio_brackets(*brackets)
    before, after = (np.array([at or np.inf for at in side], float) for side in (baseline, method))
    wins, losses = int((after < before).sum()), int((after > before).sum())
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert stats.misses_last(*ends) == close(expected, abs=1e-10)
    assert stats.misses_last_favours(*ends) == wins - losses
    theirs = proportion_confint(wins, before.size, method="beta")
    assert stats.superiority_interval(wins, 0, before.size) == close(np.nan_to_num(theirs, nan=0.0), abs=1e-10)
    d = np.log(np.minimum(before, BUDGET) / np.minimum(after, BUDGET))
    if d.size > 2 and np.ptp(d) > 1e-9:
        assert stats.skewness(d) == close(float(skew(d, bias=False)), abs=1e-8)


@pytest.mark.parametrize("looks", [(10, 25), (8, 12, 20)])
def test_boundaries_by_the_multivariate_normal_distribution(looks):
    """The probability to stay within the boundaries of the last look, and of those before."""
    at = np.array([n**2 / (n + 4) for n in looks])
    at /= at[-1]
    bound = norm.isf(np.array(stats.boundaries(looks, 0.05)) / 2)
    for k in range(1, len(looks) + 1):
        covariance = np.sqrt(np.minimum.outer(at[:k], at[:k]) / np.maximum.outer(at[:k], at[:k]))
        within = multivariate_normal(cov=covariance).cdf(bound[:k], lower_limit=-bound[:k], rng=0)
        assert 1 - within == close(stats.spent(at[k - 1], 0.05), abs=1e-5)


def test_the_sets_have_ties_censoring_and_every_size():
    sets = [drawn(number, 40) for number in SETS]
    assert {len(baseline) for baseline, _ in sets} == set(range(1, 41))
    assert sum(None in baseline + method for baseline, method in sets) > 60
    assert sum(len(set(method)) < len(method) for _, method in sets) > 90
    assert sum(baseline == method for baseline, method in sets) >= 1


@pytest.fixture(autouse=True)
def _our_warnings_are_errors(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lifelines and scipy, on degenerate sets
        warnings.filterwarnings("error", module="grokbench")
        monkeypatch.setattr(gc, "collect", lambda: 0)  # statsmodels collects garbage at every call
        yield
