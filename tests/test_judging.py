"""What no statistic and no row may depend on, and what degenerate data are answered with."""

import dataclasses
import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench import stats
from grokbench.judging.ranking import Row, compare, rank
from grokbench.records import Manifest, Outcome, Statistics
from grokbench.report.text import render
from grokbench.stats.survival import kaplan_meier, logrank, median_time

from .test_ranking import BUDGET, board, cell, run

times = st.integers(0, 60) | st.just(None) | st.just(Outcome.DIVERGED)
pairs = st.lists(st.tuples(times, times), min_size=1, max_size=9)
moderate = settings(deadline=None, max_examples=60)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def row_of(pairs):
    """The row of `method` against `baseline`."""
    baseline, method = zip(*pairs, strict=True)
    return board({"baseline": list(baseline), "method": list(method)})["method"]


def capped(times):
    """(min(T, B), whether it grokked) of each."""
    hits = [isinstance(at, int) for at in times]
    return [float(at) if hit else float(BUDGET) for at, hit in zip(times, hits, strict=True)], hits


def near(value, **tolerance):
    """`pytest.approx`, also of None, of intervals and of lists."""
    if isinstance(value, tuple | list):
        return type(value)(near(each, **tolerance) for each in value)
    return None if value is None else pytest.approx(value, **tolerance)


# ---- properties


@moderate
@given(st.lists(st.integers(-6, 6).map(lambda x: x / 7), min_size=1, max_size=40), st.randoms())
def test_permuting_seeds_changes_no_statistic(d, shuffle):
    other = shuffle.sample(d, len(d))
    for exact in (stats.sign_flip, stats.wilcoxon, stats.sign_flip_interval):
        assert exact(other) == exact(d)  # bit for bit, drawn flips too
    for summed in (stats.paired_t, stats.effect_size):
        assert summed(other) == near(summed(d), rel=1e-12, abs=1e-12)


@moderate
@given(pairs, st.randoms())
def test_permuting_seeds_changes_no_survival_statistic(pairs, shuffle):
    def found(pairs):
        (baseline, before), (method, after) = map(capped, zip(*pairs, strict=True))
        at, share = kaplan_meier(method, after)
        return at.tolist(), share.tolist(), median_time(method, after), logrank(baseline, before, method, after)

    assert found(shuffle.sample(pairs, len(pairs))) == found(pairs)  # bit for bit


SUMMED = {"speedup", "speedup_low", "speedup_high", "p_paired_t", "effect_size", "superiority"}
SUMMED |= {"speedup_of_means", "speedup_of_means_low", "speedup_of_means_high"}


@moderate
@given(pairs, st.randoms())
def test_permuting_seeds_changes_nothing_in_a_row(pairs, shuffle):
    """Bit for bit, but for means of logarithms, whose summation order moves the last digits."""
    one, other = row_of(pairs), row_of(shuffle.sample(pairs, len(pairs)))
    for field in dataclasses.fields(Row):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        assert mine == (near(theirs, rel=1e-12, abs=1e-12) if field.name in SUMMED else theirs), field.name


uncensored = st.lists(st.tuples(st.integers(1, 5 * BUDGET), st.integers(1, 5 * BUDGET)), min_size=1, max_size=8)


@moderate
@given(uncensored)
def test_a_bound_is_on_its_side_of_what_a_longer_budget_would_have_shown(pairs):
    true = math.exp(np.mean([math.log(t0 / t1) for t0, t1 in pairs]))
    row = row_of([[at if at <= BUDGET else None for at in pair] for pair in pairs])
    if row.speedup_bound == "lower":
        assert row.speedup <= true * (1 + 1e-12)
    if row.speedup_bound == "upper":
        assert row.speedup >= true * (1 - 1e-12)
    if row.speedup is not None and row.speedup_bound is None:
        assert row.speedup == pytest.approx(true)
    censored = [any(pair[arm] > BUDGET for pair in pairs) for arm in (0, 1)]
    expected = {(0, 0): None, (1, 0): "lower", (0, 1): "upper", (1, 1): "mixed"}[tuple(map(int, censored))]
    assert row.speedup_bound == (expected if row.speedup is not None else None)


@moderate
@given(uncensored, st.integers(1, BUDGET) | st.none())
def test_adding_a_censored_pair_never_makes_a_method_look_faster(pairs, baseline):
    """It pulls the speed-up to at most 1, and says that it flatters even then."""
    pairs = [(min(t0, BUDGET), min(t1, BUDGET)) for t0, t1 in pairs]
    without, with_it = row_of(pairs), row_of([*pairs, (baseline, None)])
    assert with_it.speedup <= max(without.speedup, 1.0) + 1e-12
    assert with_it.speedup_bound == ("mixed" if baseline is None else "upper")
    assert with_it.grokked == without.grokked and with_it.censored == without.censored + 1
    assert with_it.superiority <= max(without.superiority, 0.5)


@moderate
@given(st.lists(st.floats(0, 1) | st.none(), max_size=12))
def test_holm_keeps_the_order_and_is_never_below_the_raw_p(p):
    adjusted = stats.holm(p)
    known = sorted((raw, holm) for raw, holm in zip(p, adjusted, strict=True) if raw is not None)
    assert [raw is None for raw in p] == [holm is None for holm in adjusted]
    assert all(raw <= holm <= 1 for raw, holm in known)
    assert [holm for _, holm in known] == sorted(holm for _, holm in known)


@moderate
@given(pairs)
def test_exchanging_baseline_and_method_inverts_the_effect(pairs):
    row, other = row_of(pairs), row_of([(t1, t0) for t0, t1 in pairs])
    flipped = {"lower": "upper", "upper": "lower"}
    assert other.speedup_bound == flipped.get(row.speedup_bound, row.speedup_bound)
    for mine, theirs in (("speedup", "speedup"), ("speedup_low", "speedup_high"), ("speedup_high", "speedup_low")):
        value = getattr(other, theirs)
        assert getattr(row, mine) == near(value and 1 / value, rel=1e-9)
    for test in ("p_sign_flip", "p_paired_t", "p_wilcoxon", "p_logrank", "p_holm"):
        assert getattr(row, test) == near(getattr(other, test), abs=1e-12)
    assert row.superiority == pytest.approx(1 - other.superiority)
    assert row.effect_size == near(other.effect_size and -other.effect_size, rel=1e-9)


@moderate
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9), st.sampled_from([0.001, 0.3, 7, 1e6]))
def test_a_unit_of_time_changes_no_p(d, scale):
    scaled = [scale * x for x in d]
    for test in (stats.sign_flip, stats.wilcoxon, stats.paired_t, stats.effect_size):
        assert test(scaled) == near(test(d), rel=1e-9)
    ends = tuple(end and scale * end for end in stats.sign_flip_interval(d))
    assert stats.sign_flip_interval(scaled) == near(ends, abs=1e-9 * scale)


def test_beyond_exact_pairs_the_smallest_p_is_that_of_a_draw():
    assert stats.smallest_p(26) == 2 / 2**26 and stats.smallest_p(27) == 1 / (1 + stats.MONTE_CARLO_DRAWS)
    d = np.linspace(0.5, 1.5, 40)
    assert stats.sign_flip(d) == stats.smallest_p(40)
    assert stats.sign_flip_interval(d, confidence=0.99999) == (None, None)  # no draw is that rare
    assert stats.pairs_needed(1, alpha=5e-324) == 1075  # and no logarithm overflows


# ---- degenerate inputs

PS = ("p_sign_flip", "p_paired_t", "p_wilcoxon", "p_logrank")
N = None
D, F = Outcome.DIVERGED, Outcome.FAILED
SEVEN = list(range(20, 27))
NO_EFFECT = dict.fromkeys(["speedup", "speedup_low", "speedup_high", "speedup_bound", "speedup_of_means", *PS, "p_holm",
                           "effect_size", "superiority"])  # fmt: skip
ALL_ONE = dict.fromkeys([*PS, "p_holm"], 1.0)

DEGENERATE = {  # name -> baseline, method, columns, and a phrase of the notes
    "all censored": (
        [N] * 7, [N] * 7,
        {"speedup": None, "speedup_low": None, "speedup_of_means": None, "speedup_bound": None, "epochs_median": None,
         "epochs_mean": BUDGET, "effect_size": 0.0, "superiority": 0.5} | ALL_ONE,
        "neither this nor baseline grokked on any seed: there is no speed-up to measure",
    ),
    "all diverged": ([D] * 7, [D] * 7, {"speedup": None, "epochs_mean": BUDGET} | ALL_ONE, "7 of 7 seeds diverged"),
    "method censored": (
        [50] * 7, [N] * 7,
        {"speedup": 0.05, "speedup_low": 0.05, "speedup_high": 0.05, "speedup_bound": "upper", "epochs_median": None,
         "p_paired_t": None, "p_sign_flip": 2 / 128, "p_logrank": 2 / 128, "effect_size": None, "superiority": 0.0},
        "none of 7 seeds grokked within 1000 epochs: the speed-up is an upper bound and flatters the method",
    ),
    "baseline censored": (
        [N] * 7, [50] * 7, {"speedup": 20, "speedup_bound": "lower", "p_paired_t": None, "superiority": 1.0},
        "baseline did not grok on every seed: the speed-up is a lower bound",
    ),
    "all tied": (
        [50] * 7, [50] * 7,
        {"speedup": 1, "speedup_low": 1, "speedup_high": 1, "effect_size": 0.0, "superiority": 0.5} | ALL_ONE,
        "no significant difference from baseline (Holm p = 1)",
    ),
    "identical": (
        SEVEN, SEVEN, {"speedup": 1, "speedup_low": 1, "speedup_high": 1, "effect_size": 0.0} | ALL_ONE,
        "no significant difference",
    ),
    "a constant ratio": (
        [2 * t for t in SEVEN], SEVEN,
        {"speedup": 2, "speedup_low": 2, "speedup_high": 2, "effect_size": None, "p_sign_flip": 2 / 128},
        "significantly faster than baseline (Holm p = 0.016)",
    ),
    "a constant difference": ([t + 9 for t in SEVEN], SEVEN, {"p_paired_t": None, "p_sign_flip": 2 / 128}, "faster"),
    "one pair": (
        [60], [30],
        {"speedup": 2, "speedup_low": None, "p_sign_flip": 1.0, "p_paired_t": None, "p_wilcoxon": 1.0, "p_logrank": 1.0,
         "p_holm": 1.0, "effect_size": None, "epochs_std": None, "superiority": 1.0},
        "1 seed cannot reach p < 0.05: the smallest possible is 1; 6 seeds are needed",
    ),
    "one tied pair": ([60], [60], {"speedup": 1, "speedup_low": None, "effect_size": 0.0} | ALL_ONE, "1 seed cannot"),
    "two pairs": ([60, 70], [30, 30], {"p_sign_flip": 0.5, "speedup_low": None}, "2 seeds cannot reach p < 0.05"),
    "at evaluation 0": ([0] * 7, [0] * 7, {"speedup": 1, "delay": 0.0} | ALL_ONE, "counted as 1 epochs in ratios"),
    "a seed missing": (SEVEN, [*SEVEN[:6], "-"], NO_EFFECT, "incomplete: 0 of 7 seeds failed, 1 not run yet"),
    "a seed failed": (SEVEN, [*SEVEN[:6], F], NO_EFFECT | {"failed": 1}, "no test is made on fewer seeds than planned"),
    "a baseline seed failed": ([*SEVEN[:6], F], SEVEN, NO_EFFECT, "the baseline is incomplete"),
    "nothing run": (["-"] * 7, ["-"] * 7, NO_EFFECT | {"epochs_mean": None, "epochs_median": None}, "7 not run yet"),
    "all failed": ([F] * 7, [F] * 7, NO_EFFECT | {"epochs_mean": None}, "7 of 7 seeds failed"),
    "no seeds": ([], [], NO_EFFECT | {"seeds": 0, "epochs_mean": None}, "no comparison: no seeds are planned"),
}  # fmt: skip


@pytest.mark.parametrize("primary", ["sign_flip", "paired_t", "wilcoxon", "logrank"])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_results_have_a_stated_answer(name, primary):
    baseline, method, columns, phrase = DEGENERATE[name]
    cells = {label: cell(label) for label in ("baseline", "method")}
    arms = {"baseline": baseline, "method": method}
    runs = [run(cells[label], seed, at) for label, row in arms.items() for seed, at in enumerate(row) if at != "-"]
    seeds = tuple(range(len(baseline)))
    manifest = Manifest("s", "", "baseline", seeds, tuple(cells.values()), statistics=Statistics(primary=primary))
    leaderboard = rank(compare(manifest, runs))
    row = leaderboard.rows[1]
    for column, value in columns.items():
        if primary == "sign_flip" or column != "p_holm":
            assert getattr(row, column) == (value if isinstance(value, str) else near(value)), column
    assert row.p_holm == row.p_deciding  # one comparison
    if row.speedup_bound is not None:
        assert row.deciding_test == "misses_last"
    if primary == "sign_flip":
        assert phrase in "; ".join(row.sentences)
    if row.speedup is not None and row.p_holm is None:
        assert "no p: paired_t cannot be computed from these differences" in row.sentences
    for style in ("table", "markdown", "latex", "csv", "json"):
        assert "nan" not in render(leaderboard, style).lower().replace("finan", "")
    json.dumps([dataclasses.asdict(row) for row in leaderboard.rows], allow_nan=False)


STATISTICS = {  # of no pairs, one, all tied, all alike
    stats.sign_flip: (None, 1.0, 1.0, 2 / 32),
    stats.wilcoxon: (None, 1.0, 1.0, 2 / 32),
    stats.paired_t: (None, None, 1.0, None),
    stats.effect_size: (None, None, 0.0, None),
    stats.sign_flip_interval: ((None, None), (None, None), (None, None), (None, None)),
    lambda d: stats.sign_flip_interval(d, 0.9): ((None, None), (None, None), (0.0, 0.0), (3.0, 3.0)),
    lambda d: stats.superiority(d, [0.0] * len(d)): (None, 1.0, 0.5, 1.0),
    lambda d: stats.ratio_of_means_interval(d, [1.0] * len(d)): ((None, None), (None, None), (0.0, 0.0), (3.0, 3.0)),
    lambda d: stats.ratio_of_means_interval([1.0] * len(d), d)[0]: (None, None, None, 1 / 3),
    lambda d: median_time(d, [True] * len(d)): (None, 3.0, 0.0, 3.0),
    lambda d: median_time(d, [False] * len(d)): (None, None, None, None),
    lambda d: logrank(d, [False] * len(d), d, [False] * len(d)): (None, 1.0, 1.0, 1.0),
    lambda d: stats.holm(d[:0]): ([], [], [], []),
}


@pytest.mark.parametrize("statistic", STATISTICS)
def test_degenerate_statistics_have_a_stated_answer(statistic):
    assert tuple(map(statistic, ([], [3.0], [0.0] * 5, [3.0] * 5))) == near(STATISTICS[statistic])
