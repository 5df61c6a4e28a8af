"""`grokbench power`: how many seeds a cell needs, against the t test's power and against what cannot be known."""

import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import chi2, nct
from scipy.stats import t as student

from grokbench import stats
from grokbench.judging.power import FEWEST_PAIRS, LIMIT
from grokbench.judging.sample_size import Aim, enough_seeds, fewest_seeds, power_at_limit, simulated_power
from grokbench.stats.normal import deviation_limit, power_of_t
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


@pytest.mark.parametrize("seeds, alpha", [(12, 0.05), (24, 0.05), (24, 0.005), (60, 0.05), (60, 0.005)])
def test_simulated_power_is_close_to_that_of_t_where_residuals_are_normal(seeds, alpha):
    residuals = np.random.Generator(np.random.Philox(key=1)).normal(0, 0.3, 4000)
    residuals = 0.3 * (residuals - residuals.mean()) / residuals.std()
    effect = 0.3 * 2.8 / math.sqrt(seeds)
    expected = power_of_t(effect / 0.3, seeds, alpha)
    assert 0.05 < expected < 0.95
    assert simulated_power(residuals, effect, alpha, seeds) == pytest.approx(expected, abs=0.07)


@pytest.mark.parametrize("effect, n, alpha", [(0.5, 12, 0.05), (2.0, 6, 0.005), (0.1, 300, 0.05)])
def test_the_power_of_t_is_the_tail_of_its_noncentral_distribution(effect, n, alpha):
    expected = nct.sf(student.ppf(1 - alpha / 2, n - 1), n - 1, effect * math.sqrt(n))
    assert power_of_t(effect, n, alpha) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [4, 5, 10])
def test_the_upper_limit_covers_the_standard_deviation_in_80_of_100_pilots(n):
    found = np.random.Generator(np.random.Philox(key=1)).normal(0, 2, (10_000, n)).std(1, ddof=1)
    assert deviation_limit(1.0, n) == pytest.approx(math.sqrt((n - 1) / chi2.ppf(0.2, n - 1)))
    assert np.mean([deviation_limit(each, n) >= 2 for each in found]) == pytest.approx(0.8, abs=0.012)


@pytest.mark.parametrize("sigma", [0.1, 0.2])
def test_the_seeds_at_the_upper_limit_of_5_pilot_seeds_reach_the_power_in_80_of_100_pilots(monkeypatch, sigma):
    """The power is that of t, which `simulated_power` is close to; simulating it for each pilot takes minutes."""

    def of_t(residuals, effect, alpha, seeds):
        return power_of_t(effect / residuals.std(), seeds, alpha)

    monkeypatch.setattr("grokbench.judging.sample_size.simulated_power", of_t)
    aim, chosen, careful = Aim(1.1, 0.8, 25, 1, 0.05), [], []
    for logs in np.random.Generator(np.random.Philox(key=2)).normal(math.log(1.1), sigma, (300, 5)):
        residuals, spread = (logs - logs.mean()) * math.sqrt(5 / 4), logs.std(ddof=1)
        widened = deviation_limit(1.0, 5, LIMIT)
        chosen.append(fewest_seeds(partial(of_t, residuals, math.log(1.1), 0.05), spread, aim))
        careful.append(enough_seeds(power_at_limit(residuals, spread, widened, aim), spread * widened, aim))
    truly = {n: power_of_t(math.log(1.1) / sigma, n, 0.05) for n in {*chosen, *careful}}
    assert np.mean([truly[n] >= 0.8 for n in chosen]) < 0.5  # and 5% of pilots lead to a power below 0.35
    assert np.quantile([truly[n] for n in chosen], 0.05) < 0.5
    assert np.mean([truly[n] >= 0.8 for n in careful]) > 0.77


def test_the_upper_limit_of_the_spread_stands_beside_each_result(suite, tmp_path):
    folder = make(tmp_path / "a", {"baseline": BASELINE, "faster": FASTER, "slower": BASELINE})
    found = power(suite, folder)
    faster, same = found["cells"]
    assert found["limit"] == 0.8
    assert faster["spread_limit"] == pytest.approx(faster["spread"] * math.sqrt(7 / chi2.ppf(0.2, 7)))
    assert faster["seeds_limit"] > faster["seeds"] and faster["power_limit"] < faster["power"] - 0.05
    assert math.log(faster["detectable_limit"]) == pytest.approx(
        math.log(faster["detectable"]) * faster["spread_limit"] / faster["spread"]
    )
    assert (same["seeds_limit"], same["power_limit"]) == (same["seeds"], same["power"])
    text = grokbench("power", suite, "--out", folder).out
    assert f"{faster['seeds']} (to {faster['seeds_limit']})" in text
    assert f"{faster['power']:.2f} (to {faster['power_limit']:.2f})" in text
    assert "a one-sided 80% confidence limit (chi-square) that assumes normal" in " ".join(text.split())


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
    assert "parity / faster was run in" in done.err and "with other settings than those planned now" in done.err
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
