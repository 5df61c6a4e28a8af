"""`grokbench power`: how many seeds a cell needs, against the t test's power and against what cannot be known."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from grokbench import stats
from grokbench.judging.power import FEWEST_PAIRS, simulated_power
from grokbench.suite import load_suite

from .helpers import tiny
from .helpers.result_folders import BASELINE, FASTER, SEEDS, a_cell, make
from .helpers.tiny import grokbench

SUITE = """\
suite: tiny
seeds: 1000-1007
baseline: baseline
tasks:
  parity: {use: sparse_parity}
regularizers: {baseline: {}, faster: {use: orthograd}, slower: {use: grokalign}}
statistics: {alpha: 0.05}
"""


@pytest.fixture
def suite(tmp_path):
    return tiny.write(tmp_path, SUITE)


def power(suite, folder, *options):
    done = grokbench("power", suite, "--out", folder, "--format", "json", *options)
    assert done.status == 0 and "Traceback" not in done.err
    return json.loads(done.out)


def power_of_t(effect, spread, alpha, n):
    """Of the two-sided paired t test, in the direction of the effect."""
    return 1 - nct.cdf(student.ppf(1 - alpha / 2, n - 1), n - 1, effect / spread * math.sqrt(n))


@pytest.mark.parametrize("seeds, alpha", [(12, 0.05), (24, 0.05), (24, 0.005), (60, 0.05), (60, 0.005)])
def test_simulated_power_is_close_to_that_of_t_where_residuals_are_normal(seeds, alpha):
    residuals = np.random.Generator(np.random.Philox(key=1)).normal(0, 0.3, 4000)
    residuals = 0.3 * (residuals - residuals.mean()) / residuals.std()
    effect = 0.3 * 2.8 / math.sqrt(seeds)
    expected = power_of_t(effect, 0.3, alpha, seeds)
    assert 0.05 < expected < 0.95
    assert simulated_power(residuals, effect, alpha, seeds) == pytest.approx(expected, abs=0.07)


def test_too_few_pairs_to_reach_alpha_have_no_power():
    assert simulated_power(np.zeros(5), 1.0, 0.05, 5) == 0.0
    assert simulated_power(np.zeros(5), 1.0, 0.05, 6) == 1.0


def test_a_cell_without_spread_needs_the_fewest_pairs_that_holm_lets_through(suite, tmp_path):
    halves = [epochs // 2 for epochs in BASELINE]
    folder = make(tmp_path / "a", {"baseline": BASELINE, "faster": halves, "slower": BASELINE})
    found = power(suite, folder, "--speedup", "1.1")
    assert (found["family"], found["planned"]) == (2, 8)
    for cell in found["cells"]:
        assert cell["spread"] == pytest.approx(0.0, abs=1e-12) and cell["power"] == 1.0
        assert cell["seeds"] == stats.pairs_needed(2) == 7
        assert cell["detectable"] == pytest.approx(1.0)


def test_the_spread_is_that_of_the_log_ratios_and_more_of_it_asks_for_more_seeds(suite, tmp_path):
    folder = make(tmp_path / "a", {"baseline": BASELINE, "faster": FASTER, "slower": BASELINE})
    faster, _ = power(suite, folder, "--speedup", "1.1")["cells"]
    logs = np.log(np.array(BASELINE) / np.array(FASTER))
    assert faster["spread"] == pytest.approx(logs.std(ddof=1))
    assert faster["pairs"] == 8 and 0.8 <= faster["power"] < 0.9
    easier, _ = power(suite, folder, "--speedup", "1.3")["cells"]
    surer, _ = power(suite, folder, "--power", "0.95")["cells"]
    assert easier["seeds"] < faster["seeds"] < surer["seeds"]


def test_unknown_power_is_explained(suite, tmp_path):
    few = make(tmp_path / "few", seeds=SEEDS[: FEWEST_PAIRS - 1])
    cell = power(suite, few)["cells"][0]
    assert (cell["spread"], cell["seeds"], cell["detectable"]) == (None, None, None)
    assert f"run at least {FEWEST_PAIRS} of its seeds" in cell["note"]
    censored = make(tmp_path / "censored")
    slower = power(suite, censored)["cells"][1]
    assert "2 replicas did not grok: the spread is understated" in slower["note"]
    text = grokbench("power", suite, "--out", censored, "--speedup", "1.0001").out
    assert "> 1000" in text and "faster: more than 1000 seeds" in text


def test_another_suite_or_no_folder_is_refused(suite, tmp_path):
    other = tiny.write(tmp_path, SUITE.replace("suite: tiny", "suite: other"), "other.yaml")
    done = grokbench("power", other, "--out", make(tmp_path / "a"))
    assert done.status == 2 and "holds the suite 'tiny', expected 'other'" in done.err and "Traceback" not in done.err
    done = grokbench("power", suite, "--out", tmp_path / "nothing")
    assert done.status == 2 and "nothing" in done.err and "grokbench run" in done.err
    for wrong in (("--speedup", "1"), ("--power", "1"), ("--power", "0"), ("--speedup", "nan"), ("--speedup", "inf")):
        refused = grokbench("power", suite, *wrong)
        assert refused.status == 2 and wrong[0] in refused.err and "Traceback" not in refused.err


def test_replicas_that_differ_from_the_plan_are_reported(suite, tmp_path, here):
    done = grokbench("power", suite, "--out", make(tmp_path / "a", {"baseline": BASELINE, "faster": FASTER}))
    assert "parity / faster was run with other settings in" in done.err
    assert "parity / slower is not in" in done.err and ", so its spread is unknown" in done.err
    tiny.run(tiny.write(tmp_path, tiny.SUITE, "other.yaml"), tmp_path / "b")
    assert grokbench("power", tmp_path / "other.yaml", "--out", tmp_path / "b").err == ""


def test_the_statistics_of_the_suite_are_those_of_the_power(suite, tmp_path):
    folder = make(tmp_path / "a", {"baseline": BASELINE, "faster": FASTER, "slower": BASELINE})
    plain = tiny.write(tmp_path, SUITE.replace("{alpha: 0.05}", "{correction: none, primary: logrank}"), "plain.yaml")
    corrected, uncorrected = power(suite, folder), power(plain, folder)
    assert (corrected["family"], uncorrected["family"]) == (2, 1)
    assert uncorrected["cells"][0]["seeds"] < corrected["cells"][0]["seeds"]
    text = " ".join(grokbench("power", plain, "--out", folder).out.split())
    assert "without a correction by the sign-flip test, where the suite's own is logrank" in text
    strict = tiny.write(tmp_path, SUITE.replace("alpha: 0.05", "alpha: 0.001"), "strict.yaml")
    assert power(strict, folder)["cells"][0]["detectable"] is None  # 8 seeds never reach it


def test_random_flips_reach_as_small_a_p_as_the_leaderboard_does():
    assert simulated_power(np.zeros(5), 1.0, 1e-4, 27) == 1.0


def test_the_family_leaves_out_baselines_and_skipped_cells():
    assert load_suite("smoke").comparisons == 2 * 3
    assert load_suite("paper").comparisons == 5 * 4 - 1  # the placebo is left out of xor


def test_markdown_is_a_table(suite, tmp_path):
    out = grokbench("power", suite, "--out", make(tmp_path / "a"), "--format", "markdown").out
    assert out.startswith("| task") and "| faster" in out


def test_markdown_shows_a_label_as_it_is(tmp_path):
    label = "fa|st[x](y)"
    suite = tiny.write(tmp_path, SUITE.replace("faster:", f'"{label}":'))
    cells = [a_cell("baseline"), replace(a_cell(label), identity="c1")]
    folder = make(tmp_path / "a", {"baseline": BASELINE, label: FASTER}, cells)
    out = grokbench("power", suite, "--out", folder, "--format", "markdown").out
    assert r"| fa\|st[x\](y)" in out and label in grokbench("power", suite, "--out", folder).out
