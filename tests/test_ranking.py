import dataclasses
import math
import random
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import skew

from grokbench.judging.ranking import Row, compare, rank
from grokbench.judging.task_summary import TaskSummary
from grokbench.records import Cell, Manifest, Outcome, Published, Run, Skip, Spread, Statistics, Timing
from grokbench.report.text.table import mean_text, median_text

from .helpers import json_keys
from .helpers.recipes import RECIPE

KEYS = json_keys.KEYS["rows"].split()
BUDGET = 1000
TASK = TaskSummary(budget=BUDGET, evaluate_every=1)
HERE = {"device": "cpu", "machine": "M", "torch": "2.9", "precision": "float32", "engine": 1}


def cell(regularizer, task="parity", **changes):
    standard = {"recipe": RECIPE, "budget": BUDGET, "evaluate_every": 1, "metrics": {"test_accuracy": "higher"}}
    return Cell(task, regularizer, f"{task}-{regularizer}", **(standard | changes))


def run(of, seed, at, **changes):
    """A replica that grokked `at` some epoch; None: censored; an Outcome: that."""
    outcome = at if isinstance(at, Outcome) else Outcome.CENSORED if at is None else Outcome.GROKKED
    at = at if outcome is Outcome.GROKKED else None
    standard = {"memorised_at": None, "epochs": at or BUDGET, "final": {"test_accuracy": 0.5}, "provenance": HERE}
    return Run(of.identity, seed, outcome, at, **(standard | changes))


def board(times, timings=(), **changes):
    """The leaderboard of {label: times by seed} on one task, and its rows by label."""
    cells = {label: cell(label) for label in times}
    runs = [run(cells[label], seed, at) for label, row in times.items() for seed, at in enumerate(row) if at != "-"]
    n = max(map(len, times.values()))
    manifest = Manifest("quick", "", "baseline", tuple(range(n)), tuple(cells.values()), **changes)
    random.Random(0).shuffle(runs)
    return rows_of(rank(compare(manifest, runs, timings)))


def rows_of(leaderboard):
    return {row.regularizer: row for row in leaderboard.rows}


def said(row):
    return "; ".join(row.sentences)


def test_a_row_has_exactly_the_published_keys_in_order():
    assert [field.name for field in dataclasses.fields(Row)] == KEYS


def test_three_pairs_by_hand():
    row = board({"baseline": [100, 200, 400], "fast": [50, 50, 50]})["fast"]
    # ratios 2, 4, 8: logs 1, 2, 3 times log 2
    assert row.speedup == pytest.approx(4)
    assert row.speedup_of_means == pytest.approx(700 / 150)
    assert row.p_sign_flip == row.p_wilcoxon == row.p_holm == 2 / 8
    assert row.effect_size == pytest.approx(2)
    assert row.superiority == 1.0
    assert (row.speedup_low, row.speedup_high, row.speedup_bound) == (None, None, None)
    assert (row.epochs_mean, row.epochs_median, row.epochs_std) == (50, 50, 0)
    assert (row.seeds, row.grokked, row.censored, row.diverged, row.failed) == (3, 3, 0, 0, 0)


def test_skewed_log_ratios_are_said_where_there_is_an_interval():
    row = board({"baseline": [100, 101, 102, 103, 104, 900], "fast": [50] * 6, "even": [50, 51, 52, 53, 54, 450]})
    assert row["fast"].skewness == pytest.approx(skew(np.log([100, 101, 102, 103, 104, 900]), bias=False))
    assert "the log ratios are skewed (2.4): the interval misses more often on one side" in row["fast"].sentences
    assert abs(row["even"].skewness) < 1 and "skewed" not in said(row["even"])
    few = board({"baseline": [100, 101, 900], "fast": [50] * 3})["fast"]
    assert few.skewness > 1 and few.speedup_low is None and "skewed" not in said(few)
    assert board({"baseline": [100, 200], "fast": [50, 50]})["fast"].skewness is None


def test_a_mean_with_misses_is_a_lower_bound_and_so_is_the_median_of_a_half():
    rows = board({"baseline": [100, 200, 400, None], "fast": [50, 60, None, Outcome.DIVERGED], "never": [None] * 4})
    assert [row.epochs_mean_bound for row in rows.values()] == ["lower"] * 3
    assert (rows["baseline"].epochs_median, rows["baseline"].epochs_median_low) == (300, None)
    assert (rows["fast"].epochs_median, rows["fast"].epochs_median_low) == (None, 60)
    assert (rows["never"].epochs_median, rows["never"].epochs_median_low) == (None, None)
    assert [mean_text(row) for row in rows.values()] == [">= 425", ">= 528", ">= 1000"]
    assert [median_text(row, TASK) for row in rows.values()] == ["300", ">= 60", "> 1000"]
    full = board({"baseline": [100, 200]})["baseline"]
    assert full.epochs_mean_bound is None and (mean_text(full), median_text(full, TASK)) == ("150", "150")


def test_six_pairs_have_an_interval_and_a_sentence():
    row = board({"baseline": [200, 400, 800, 200, 400, 800], "fast": [100] * 6})["fast"]
    assert (row.speedup_low, row.speedup_high) == pytest.approx((2, 8))
    assert row.p_holm == 2 / 64
    assert "all 6 seeds grokked" in row.sentences
    assert "significantly faster than baseline (Holm p = 0.031)" in row.sentences


def test_the_baseline_row_compares_with_nothing():
    row = board({"baseline": [100, 300], "fast": [50, 50]})["baseline"]
    assert row.epochs_mean == 200 and row.speedup is row.p_holm is row.superiority is None
    assert "the baseline that the others are compared with" in row.sentences


def test_slower_and_not_different_are_said():
    rows = board({"baseline": [100] * 8, "slow": [200 + i for i in range(8)], "same": [98, 102] * 4})
    assert "significantly slower than baseline (Holm p = 0.016)" in rows["slow"].sentences
    assert "no significant difference from baseline (Holm p = 0.73)" in rows["same"].sentences


def test_censored_and_diverged_count_as_the_budget():
    row = board({"baseline": [500, 500, 500], "mixed": [500, None, Outcome.DIVERGED]})["mixed"]
    assert (row.grokked, row.censored, row.diverged) == (1, 1, 1)
    assert row.epochs_mean == pytest.approx(2500 / 3) and row.epochs_median is None
    assert row.speedup == pytest.approx((1 * 0.5 * 0.5) ** (1 / 3)) and row.speedup_bound == "upper"
    assert "2 of 3 seeds did not grok within 1000 epochs: the speed-up is an upper bound and flatters the method" in (
        row.sentences
    )
    assert "1 of 3 seeds diverged (non-finite): counted as 1000 epochs" in row.sentences


def test_bounds_say_what_censoring_makes_of_a_ratio():
    rows = board({"baseline": [None, 500], "fast": [100, 100], "worse": [None, None]})
    assert rows["fast"].speedup_bound == "lower"
    assert "baseline did not grok on every seed: the speed-up is a lower bound" in rows["fast"].sentences
    assert rows["worse"].speedup_bound == "mixed"
    assert "none of 2 seeds grokked within 1000 epochs" in rows["worse"].sentences
    assert "no bound in either direction" in said(rows["worse"])


def test_a_pair_without_any_grokking():
    row = board({"baseline": [None] * 7, "also": [None] * 7})["also"]
    assert row.speedup is row.speedup_low is row.speedup_of_means is None and row.p_sign_flip == row.p_logrank == 1.0
    assert "neither this nor baseline grokked on any seed: there is no speed-up to measure" in row.sentences


@pytest.mark.parametrize("gap", ["-", Outcome.FAILED])
def test_an_incomplete_cell_has_no_test_but_its_own_numbers(gap):
    rows = board({"baseline": [100] * 8, "fast": [50] * 7 + [gap], "other": list(range(40, 48))})
    row = rows["fast"]
    assert row.p_sign_flip is row.p_paired_t is row.p_wilcoxon is row.p_logrank is row.p_holm is row.speedup is None
    assert row.epochs_mean == 50 and row.seeds == 8 and row.failed == (gap == Outcome.FAILED)
    counts = "1 of 8 seeds failed, 0 not run yet" if row.failed else "0 of 8 seeds failed, 1 not run yet"
    remedy = "mend what failed and run it again" if row.failed else "run the missing ones (--seeds)"
    assert f"incomplete: {counts}" in row.sentences and remedy in said(row)
    assert rows["other"].p_holm == pytest.approx(2 * 2 / 2**8)  # the unfinished cell still counts in the family


def test_an_incomplete_baseline_leaves_every_comparison_open():
    row = board({"baseline": [100, "-"], "fast": [50, 50]})["fast"]
    why = "no comparison: the baseline is incomplete, run its missing seeds (--seeds) to complete it"
    assert row.speedup is None and why in row.sentences


def test_published_numbers_stand_beside_ours():
    numbers = Published(
        "Table 1",
        {"parity": {"baseline": 1000.0, "fast": 100.0}},
        metrics={"test_accuracy": {"parity": {"baseline": 0.4, "new": 0.6}}},
        spreads={"epochs": {"parity": {"fast": Spread(10.0, 4)}}},
    )
    times = {"baseline": [1000, 990, 980] * 2, "fast": [100, 99, 98] * 2, "new": [5, 6, 7] * 2}
    rows, half = board(times, published=numbers), 3.1824463 * 0.05
    fast = rows["fast"]
    assert (fast.published_epochs, fast.published_speedup, fast.verdict) == (100, 10, "effect reproduced")
    assert (fast.published_speedup_low, fast.published_speedup_high) == pytest.approx(
        (10 * math.exp(-half), 10 * math.exp(half))
    )
    assert (fast.speedup_of_means_low, fast.speedup_of_means_high) == pytest.approx((10, 10))
    told = "effect reproduced: the ratio of the published means is 10.0x [8.53, 11.7], our ratio of means is 10.0x"
    assert f"{told} [10.0, 10.0]" in fast.sentences
    assert rows["new"].published_metrics == {"test_accuracy": 0.6} and fast.published_metrics == {}
    assert "test_accuracy: published 0.6, ours 0.5 (mean at the last evaluation)" in rows["new"].sentences
    assert rows["baseline"].published_epochs == 1000
    assert rows["baseline"].published_speedup is rows["baseline"].verdict is rows["new"].verdict is None
    row = board({"baseline": [1000, "-"], "fast": [100, 99]}, published=numbers)["fast"]
    assert row.verdict == "inconclusive"
    assert "the ratio of the published means is 10.0x [8.53, 11.7], ours is not known yet" in said(row)


def test_seconds_are_compared():
    timings = [Timing("parity-baseline", (1.0, 2.0, 9.0)), Timing("parity-fast", (4.0,))]
    rows = board({"baseline": [100], "fast": [10]}, timings)
    assert (rows["baseline"].seconds_mean, rows["baseline"].seconds_speedup) == (200, None)
    assert (rows["fast"].seconds_mean, rows["fast"].seconds_speedup) == (40, 5)


def test_holm_is_over_the_planned_cells_finished_or_not():
    times = {"baseline": [100] * 9, "a": list(range(50, 59)), "b": list(range(60, 69)), "late": []}
    rows = board(times, skipped=(Skip("parity", "left_out", "it diverges"),))
    assert rows["a"].p_holm == pytest.approx(3 * 2 / 2**9)


def test_skipped_cells_close_their_task():
    cells = (cell("baseline"), cell("baseline", task="xor"))
    manifest = Manifest("s", "", "baseline", (0,), cells, (Skip("parity", "sam", "too slow"),))
    leaderboard = rank(compare(manifest, []))
    assert [(row.task, row.regularizer) for row in leaderboard.rows] == [
        ("parity", "baseline"),
        ("parity", "sam"),
        ("xor", "baseline"),
    ]
    row = leaderboard.rows[1]
    assert row.sentences == ("skipped: too slow",) and row.seeds == 0 and row.epochs_mean is row.p_holm is None
    assert leaderboard.skipped == manifest.skipped


def test_a_row_is_judged_by_the_corrected_p_or_the_primary_p_without_correction():
    counts = dict.fromkeys(["seeds", "grokked", "censored", "diverged", "failed"], 1)
    row = Row(task="t", regularizer="r", **counts, p_holm=0.5, p_logrank=0.1, deciding_test="logrank")
    assert (row.p(Statistics()), row.p(Statistics(correction="none", primary="logrank"))) == (0.5, 0.1)
    assert dataclasses.replace(row, deciding_test=None).p(Statistics(correction="none")) is None


def test_privileges_and_another_device_are_marked():
    cells = (cell("baseline"), cell("ema", privileges=("averaged_weights",)))
    runs = [run(cells[0], 0, 10), run(cells[1], 0, 10, provenance=HERE | {"device": "cuda"})]
    timings = [Timing(c.identity, (1.0,), {"machine": c.regularizer}) for c in cells]
    leaderboard = rank(compare(Manifest("s", "", "baseline", (0,), cells), runs, timings))
    row = rows_of(leaderboard)["ema"]
    assert "device differs from the baseline's on 1 seed (cuda, not cpu): compare with care" in row.sentences
    assert "seconds were not measured on the baseline's machine or device: do not compare them" in row.sentences
    assert "uses what the baseline does not have: averaged_weights" in row.sentences
    assert row.privileges == ("averaged_weights",)
    assert leaderboard.environment["device"] == ["cpu", "cuda"] and leaderboard.environment["torch"] == "2.9"
    assert leaderboard.environment["git"] is None


def test_judging_imports_no_torch():
    code = "import sys, grokbench.judging.ranking, grokbench.report.text; "
    code += "sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
