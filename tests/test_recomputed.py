"""Every row of `results/paper`, recomputed from its JSON and its outcomes alone: no module of grokbench is imported.

scipy has the t test and ranks, statsmodels Holm's adjustment and binomial intervals, lifelines the medians and hazards.
The sign flips are counted here. Needs the extra `oracles`; `nox -s oracles` installs it.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binomtest, rankdata, skew, t, ttest_1samp

lifelines = pytest.importorskip("lifelines")
multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
proportion_confint = pytest.importorskip("statsmodels.stats.proportion").proportion_confint

pytestmark = pytest.mark.oracles

PAPER = Path(__file__).parents[1] / "results" / "paper"
SPLIT = 13  # differences whose flips are listed; those of the others are looked up among them
close = pytest.approx


@pytest.fixture(scope="module")
def board():
    words = [sys.executable, "-P", "-m", "grokbench", "leaderboard", str(PAPER), "--format", "json"]
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)


@pytest.fixture(scope="module")
def arms(board):
    """(task, regularizer) -> its arm."""
    with (PAPER / "outcomes.jsonl").open(encoding="utf-8") as lines:
        outcomes = [json.loads(line) for line in lines]
    of = {}
    for row in board["rows"]:
        mine = {run["seed"]: run for run in outcomes if run["identity"] == row["identity"]}
        if row["identity"]:
            of[row["task"], row["regularizer"]] = Arm(
                [mine[seed] for seed in board["seeds"]], board["tasks"][row["task"]]
            )
    return of


class Arm:
    """The replicas of one cell in the order of the seeds."""

    def __init__(self, runs, task):
        budget, every = task["budget"], task["evaluate_every"]
        at = [run["grokked_at"] for run in runs]
        self.grokked = np.array([epoch is not None and epoch <= budget for epoch in at])
        self.late = np.array([float(epoch if hit else budget) for epoch, hit in zip(at, self.grokked, strict=True)])
        before = every * np.floor((self.late - 1) / every)  # the evaluation before
        self.early = np.where(self.grokked, before + 1, self.late)
        self.memorised = [run["memorised_at"] for run in runs if run["memorised_at"] is not None]


class Pair:
    """A method against a baseline: log ratios, and their least and greatest values."""

    def __init__(self, baseline, method):
        self.baseline, self.method = baseline, method
        self.x = np.log(baseline.late / method.late)
        self.low, self.high = np.log(baseline.early / method.late), np.log(baseline.late / method.early)
        self.complete = bool(baseline.grokked.all() and method.grokked.all())

    def last(self, x):
        one, other = self.method.grokked, self.baseline.grokked
        return np.where(one & other, x, np.where(one == other, 0.0, np.where(one, np.inf, -np.inf)))

    def least_favourable(self, of):
        """p of the corner that is nearer to no difference."""
        low, high = of(self.baseline.early, self.method.late), of(self.baseline.late, self.method.early)
        return flips(low) if low.sum() > 0 else flips(high) if high.sum() < 0 else 1.0


def flips(d):
    """The share of all sign assignments at least as extreme: twice that of the subsets that sum to no more than 0."""
    d = d if d.sum() > 0 else -d
    if d.sum() <= 1e-13 * np.abs(d).sum():
        return 1.0
    listed, others = (sums(part) for part in (d[:SPLIT], d[SPLIT:]))
    listed.sort()
    tie = 0.5e-13 * np.abs(d).sum()
    return 2 * float(np.searchsorted(listed, tie - others, side="right").sum()) / 2.0 ** len(d)


def sums(d):
    """The sums of all subsets."""
    found = np.zeros(1)
    for each in d:
        found = np.concatenate([found, found + each])
    return found


def ranks(d):
    size = np.abs(d)
    return np.sign(np.where(size < 1e-12, 0, d)) * rankdata(np.round(size, 12))


def compared(board):
    return [row for row in board["rows"] if row["speedup"] is not None]


def pair_of(row, board, arms):
    return Pair(arms[row["task"], board["baseline"]], arms[row["task"], row["regularizer"]])


def test_there_are_rows(board):
    assert len(compared(board)) == 19 and len(board["seeds"]) == 25


def test_counts_means_and_medians(board, arms):
    for row in board["rows"]:
        if not row["identity"]:
            continue
        arm = arms[row["task"], row["regularizer"]]
        assert (row["grokked"], row["epochs_mean"]) == (arm.grokked.sum(), close(arm.late.mean()))
        assert row["epochs_std"] == close(arm.late.std(ddof=1))
        kaplan = lifelines.KaplanMeierFitter().fit(arm.late, arm.grokked)
        assert row["epochs_median"] == (close(kaplan.median_survival_time_) if arm.grokked.mean() > 0.5 else None)
        if arm.memorised:
            assert row["epochs_to_memorise"] == close(np.median(arm.memorised))


def test_speedups_and_their_intervals(board, arms):
    """The ends are where the two-sided p crosses 1 - confidence."""
    alpha = 1 - board["statistics"]["confidence"]
    for row in compared(board):
        pair = pair_of(row, board, arms)
        assert row["speedup"] == close(math.exp(pair.x.mean()))
        level = alpha if row["speedup_bound"] is None else 0.4 * alpha  # the valid end of a bound: 98% for 95%
        if np.ptp(pair.x):
            for corner, end, inwards in ((pair.low, row["speedup_low"], 1), (pair.high, row["speedup_high"], -1)):
                inside, outside = (corner - math.log(end) - inwards * step for step in (1e-7, -1e-7))
                assert flips(outside) <= level < flips(inside), (row["task"], row["regularizer"])


def test_p_values(board, arms):
    for row in compared(board):
        pair = pair_of(row, board, arms)
        assert row["p_sign_flip"] == close(pair.least_favourable(lambda a, b: np.log(a / b)))
        assert row["p_misses_last"] == close(sign_test(pair))
        assert row["p_wilcoxon"] == close(signed_rank_p(pair))
        low, high = pair.baseline.early - pair.method.late, pair.baseline.late - pair.method.early
        d = low if low.mean() > 0 else high if high.mean() < 0 else np.zeros(2)
        if d.any() and np.ptp(d):
            assert row["p_paired_t"] == close(ttest_1samp(d, 0).pvalue)
        assert row["deciding_test"] == (board["statistics"]["primary"] if pair.complete else "misses_last")


def sign_test(pair):
    """The binomial test of the wins among wins and losses, for the least favourable log ratios."""
    low, high = (np.sign(pair.last(x)).astype(int) for x in (pair.low, pair.high))
    signs = low if low.sum() > 0 else high if high.sum() < 0 else np.zeros(0, int)
    return binomtest(int((signs > 0).sum()), int(np.abs(signs).sum())).pvalue if signs.size else 1.0


def signed_rank_p(pair):
    """Where ties make the p of the corner smaller than that of ties broken against the effect, the larger."""
    low, high = pair.low, pair.high
    if ranks(low).sum() > 0:
        return broken(low, low == high)
    return broken(-high, low == high) if ranks(high).sum() < 0 else 1.0


def broken(d, fixed):
    found = [flips(ranks(d))]
    if not fixed.all():
        nudged = np.where(fixed, d, d - 1e-11 * np.arange(1, len(d) + 1))
        found.append(flips(np.sign(d) * rankdata(np.abs(nudged))))
    return max(found)


def test_logrank(board, arms):
    for row in compared(board):
        pair = pair_of(row, board, arms)

        def scores(before, after, pair=pair):
            times, hits = np.concatenate([before, after]), np.concatenate([pair.baseline.grokked, pair.method.grokked])
            hazard = lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False).fit(times, hits)
            found = hits - hazard.cumulative_hazard_at_times(times).to_numpy()
            return found[len(before) :] - found[: len(before)]

        assert row["p_logrank"] == close(pair.least_favourable(scores), rel=1e-6)


def test_holm(board):
    rows = compared(board)
    p = [row[f"p_{row['deciding_test']}"] for row in rows]
    p += [1.0] * (board["statistics"]["comparisons"] - len(p))
    adjusted = multipletests(p, method="holm")[1]
    for row, value in zip(rows, adjusted, strict=False):
        assert row["p_holm"] == close(value)
        alpha = board["statistics"]["alpha"]
        if row["speedup_bound"] is None:
            expected = "no difference" if value > alpha else "faster" if row["speedup"] > 1 else "slower"
            assert row["conclusion"] == expected


def test_the_probability_of_improvement(board, arms):
    for row in compared(board):
        pair = pair_of(row, board, arms)
        wins, ties = int((pair.last(pair.x) > 0).sum()), int((pair.last(pair.x) == 0).sum())
        assert row["superiority"] == (wins + ties / 2) / len(pair.x)
        if not ties:
            low, high = proportion_confint(wins, len(pair.x), method="beta")
            assert (row["superiority_low"], row["superiority_high"]) == (close(low, abs=1e-9), close(high, abs=1e-9))


def fieller(x, y, side):
    """The end of the interval by root finding: where Student's t of x - r y is at its quantile."""
    q, middle = t.ppf(0.975, len(x) - 1), x.mean() / y.mean()

    def excess(r):
        d = x - r * y
        return side * -d.mean() / (d.std(ddof=1) / math.sqrt(len(d))) - q

    ends = sorted([middle * (1 + side * 1e-12), middle * (20.0 if side > 0 else 0.05)])
    return brentq(excess, *ends)


def test_ratios_of_means_and_verdicts(board, arms):
    for row in compared(board):
        pair = pair_of(row, board, arms)
        assert row["speedup_of_means"] == close(pair.baseline.late.mean() / pair.method.late.mean())
        if np.ptp(pair.baseline.early / pair.method.late) == 0 or row["speedup_bound"]:
            continue
        low, high = (
            fieller(pair.baseline.early, pair.method.late, -1),
            fieller(pair.baseline.late, pair.method.early, 1),
        )
        assert (row["speedup_of_means_low"], row["speedup_of_means_high"]) == (
            close(low, rel=1e-6),
            close(high, rel=1e-6),
        )
        if row["published_speedup"] is not None:
            assert row["verdict"] == verdict(math.log(row["published_speedup"]), math.log(low), math.log(high))


def verdict(r, low, high):
    """The rules of docs/reading.md, for 25 seeds that all grokked; the published means have no spread."""
    if low <= 0 <= high:
        return "consistent" if low <= r <= high else "no effect shown"
    away, margin = (low if low > 0 else high), min(abs(r) / 2, math.log(1.25))
    if away * r < 0 or low > r + margin or high < r - margin:
        return "not reproduced"
    return "effect reproduced" if r - margin <= low and high <= r + margin else "inconclusive"


def test_skewness(board, arms):
    for row in compared(board):
        x = pair_of(row, board, arms).x
        assert row["skewness"] == (close(skew(x, bias=False), rel=1e-6) if np.ptp(x) else None)


def test_pairs_and_places(board, arms):
    places = {}
    for task in board["tasks"]:
        found = [pair for pair in board["pairs"] if pair["task"] == task]
        both = [Pair(arms[task, pair["b"]], arms[task, pair["a"]]) for pair in found]
        p = [each.least_favourable(lambda a, b: np.log(a / b)) if each.complete else sign_test(each) for each in both]
        adjusted = multipletests(p, method="holm")[1]
        assert [pair["p"] for pair in found] == close(p) and [pair["p_holm"] for pair in found] == close(adjusted)
        for pair, value in zip(found, adjusted, strict=True):
            for label in (pair["a"], pair["b"]):
                places.setdefault((task, label), 1)
            if value <= board["statistics"]["alpha"]:
                places[task, pair["b" if pair["speedup"] > 1 else "a"]] += 1
    assert {(row["task"], row["regularizer"]): row["place"] for row in board["rows"] if row["identity"]} == places


def test_the_mean_over_tasks_is_geometric_and_mixes_no_bound(board):
    for mean in board["aggregate"]:
        mine = [row for row in compared(board) if row["regularizer"] == mean["regularizer"]]
        kept = {row["task"]: math.log(row["speedup"]) for row in mine if row["speedup_bound"] is None}
        assert math.log(mean["speedup"]) == close(np.mean(list(kept.values())), abs=1e-12)
        for task, value in mean["without"].items():
            others = [log for each, log in kept.items() if each != task]
            assert math.log(value) == close(np.mean(others), abs=1e-12)
        assert mean["low"] <= mean["speedup"] <= mean["high"]
