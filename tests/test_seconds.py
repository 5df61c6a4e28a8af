"""What methods cost in seconds: values by hand, intervals that carry both uncertainties, and the table."""

import json
import math
from dataclasses import replace

import pytest
from click.testing import CliRunner

from grokbench.cli import commands
from grokbench.judging.comparison import compare
from grokbench.judging.seconds import Estimate, costs
from grokbench.records import Published, Timing
from grokbench.report.text.seconds import render
from grokbench.runner.pipeline import judge
from grokbench.store import Store

from .helpers.result_folders import BASELINE, FASTER, HERE, SEEDS, a_cell, a_run, make

DRIFT = (0.1, 0.11, 0.12, 0.14, 0.16, 0.17, 0.18, 0.2)  # seconds per epoch, round by round
T7 = 2.3646242515927849  # Student's 0.975 quantile at 7 degrees of freedom, from a printed table
EPOCHS = {"parity": {"baseline": 100.0, "faster": 50.0}}
SECONDS = {"parity": {"baseline": 10.0, "faster": 6.0}}


@pytest.fixture
def folder(tmp_path):
    """Baseline and a faster method, each timed in 8 rounds by one machine that slows down."""
    folder = make(tmp_path, {"baseline": BASELINE, "faster": FASTER})
    manifest = replace(Store.load(folder).manifest, published=Published("a paper", EPOCHS, SECONDS))
    with Store.open(folder, manifest) as store:
        store.save_timing(Timing("cbaseline", DRIFT, HERE))
        store.save_timing(Timing("cfaster", tuple(2 * seconds for seconds in DRIFT), HERE))
    return folder


def found(folder):
    store = Store.load(folder)
    return {cost.regularizer: cost for cost in costs(compare(store.manifest, store.runs(), store.timings()))}


def test_seconds_are_epochs_times_seconds_per_epoch(folder):
    cost = found(folder)["faster"]
    mean = sum(FASTER) / len(FASTER)
    assert cost.seconds_per_epoch.value == pytest.approx(0.3)
    assert cost.seconds.value == pytest.approx(0.3 * mean)
    assert cost.speedup.value == pytest.approx(0.15 * sum(BASELINE) / (0.3 * sum(FASTER)))


def test_seconds_before_training_are_charged(folder):
    with Store.open(folder, Store.load(folder).manifest) as store:
        for seed, epochs in zip(SEEDS, FASTER, strict=True):
            store.save(replace(a_run(a_cell("faster"), seed, epochs), prepare_seconds=5.0))
    assert found(folder)["faster"].seconds.value == pytest.approx(5.0 + 0.3 * sum(FASTER) / len(FASTER))


def test_an_overhead_is_a_ratio_over_rounds_that_drift_together(folder):
    assert found(folder)["faster"].overhead == pytest.approx(Estimate(2.0, 2.0, 2.0))  # the drift cancels
    assert found(folder)["baseline"].overhead is None


def test_rounds_that_are_no_pairs_are_uncertain_each_for_itself(folder):
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.save_timing(Timing("cfaster", (0.2, 0.4), HERE))
    assert found(folder)["faster"].overhead == pytest.approx((2.0, None, None))  # two rounds have no interval


def test_one_slow_round_moves_neither_the_median_nor_its_ratio(folder):
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.save_timing(Timing("cfaster", (*(2 * seconds for seconds in DRIFT[:-1]), 50.0), HERE))
    cost = found(folder)["faster"]
    assert (cost.overhead.value, cost.seconds_per_epoch.value) == pytest.approx((2.0, 0.3))
    assert cost.overhead.low == pytest.approx(2.0) and cost.overhead.high == pytest.approx(50 / 0.2)


def test_the_interval_of_seconds_per_epoch_is_that_of_a_median(folder):
    pace = found(folder)["baseline"].seconds_per_epoch
    assert pace == pytest.approx((0.15, 0.1, 0.2))  # 8 values' extremes miss it with 2 / 2^8


def test_half_widths_add_in_quadrature(folder):
    seconds = found(folder)["baseline"].seconds
    mean = sum(BASELINE) / 8
    half = math.sqrt(sum((t - mean) ** 2 for t in BASELINE) / 7) * T7 / math.sqrt(8)
    up = math.hypot(math.log((mean + half) / mean), math.log(0.2 / 0.15))
    down = math.hypot(math.log(mean / (mean - half)), math.log(0.15 / 0.1))
    assert seconds == pytest.approx(Estimate(0.15 * mean, 0.15 * mean * math.exp(-down), 0.15 * mean * math.exp(up)))


def test_seconds_before_training_add_no_uncertainty(folder):
    before = found(folder)["faster"].seconds
    with Store.open(folder, Store.load(folder).manifest) as store:
        for seed, epochs in zip(SEEDS, FASTER, strict=True):
            store.save(replace(a_run(a_cell("faster"), seed, epochs), prepare_seconds=1000.0))
    assert found(folder)["faster"].seconds == pytest.approx([end + 1000.0 for end in before])


def test_seconds_of_two_machines_are_not_compared(folder):
    elsewhere = HERE | {"machine": "another box"}
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.save_timing(Timing("cfaster", DRIFT, elsewhere))
    cost = found(folder)["faster"]
    assert cost.overhead is None and cost.speedup is None and cost.seconds is not None
    output = CliRunner().invoke(commands, ["seconds", str(folder)]).output
    assert "a processor, 2 cores, torch 2.9.0, float32 and on another box" in " ".join(output.split())
    assert "Warning: methods timed on another machine" in output


def test_the_speed_up_keeps_the_lopsided_interval_of_epochs_where_rounds_are_certain(folder):
    store = Store.load(folder)
    effect = compare(store.manifest, store.runs()).cells[1].effect
    speedup = found(folder)["faster"].speedup
    assert speedup.low / speedup.value == pytest.approx(effect.of_means_low / effect.of_means)
    assert speedup.high / speedup.value == pytest.approx(effect.of_means_high / effect.of_means)


def test_published_seconds_and_the_overhead_that_they_imply(folder):
    cost = found(folder)["faster"]
    assert (cost.published_seconds, cost.published_speedup) == pytest.approx((6.0, 10 / 6))
    assert cost.published_overhead == pytest.approx((6 / 50) / (10 / 100))
    assert found(folder)["baseline"].published_speedup is None


def test_a_cell_with_missing_seeds_has_no_seconds_to_grok(folder):
    (folder / "runs/cfaster/1003.json").unlink()
    cost = found(folder)["faster"]
    assert cost.seconds is None and cost.speedup is None and cost.seconds_per_epoch is not None
    row = {row.regularizer: row for row in judge(Store.load(folder)).rows}["faster"]
    assert row.seconds_mean is None and row.seconds_per_epoch is not None


def test_a_leaderboard_and_costs_agree_on_the_seconds_to_grok(folder):
    rows, by_method = judge(Store.load(folder)).rows, found(folder)
    assert {row.regularizer: row.seconds_mean for row in rows} == {
        label: cost.seconds.value for label, cost in by_method.items()
    }


@pytest.mark.parametrize("style", ["table", "markdown", "json"])
def test_the_command_prints_it(folder, style):
    result = CliRunner().invoke(commands, ["seconds", str(folder), "--format", style])
    assert result.exit_code == 0, result.output
    if style == "json":
        rows = json.loads(result.output)["rows"]
        assert rows[1]["overhead"] == pytest.approx([2.0, 2.0, 2.0])
    else:
        assert "2.00x [2.00, 2.00]" in result.output and "1.20x" in result.output and "a processor" in result.output
        assert max(map(len, result.output.splitlines())) <= 120 or style == "markdown"


def test_markdown_shows_labels_as_they_are(folder):
    cost = replace(found(folder)["faster"], task="# a", regularizer="fa|st[x](y)")
    text = render([cost], "*", (), "markdown")
    assert "\n\n### \\# a\n\n" in text and r"| fa\|st[x\](y)" in text and text.startswith(r"\*. Measured on a machine")


def test_a_speed_up_that_censoring_bounds_says_so(tmp_path):
    folder = make(tmp_path, {"baseline": BASELINE, "faster": [*FASTER[:-1], None]})
    result = CliRunner().invoke(commands, ["seconds", str(folder)])
    assert "~ 1.61x" in result.output and "~ 8.38" in result.output  # one round of timing has no interval


def test_grokking_before_any_update_costs_no_seconds_and_breaks_nothing(tmp_path):
    folder = make(tmp_path, {"baseline": BASELINE, "faster": FASTER})
    with Store.open(folder, Store.load(folder).manifest) as store:
        for seed in SEEDS:
            at_start = replace(a_run(a_cell("faster"), seed, 50), grokked_at=0, epochs=0, memorised_at=0)
            store.save(at_start)
    cost = found(folder)["faster"]
    assert cost.seconds.value == 0.0 and cost.speedup is None


def test_missing_timings_are_reported(tmp_path):
    folder = make(tmp_path, {"baseline": BASELINE})
    for file in (folder / "timings").iterdir():
        file.unlink()
    result = CliRunner().invoke(commands, ["seconds", str(folder)])
    assert result.exit_code == 0 and result.output.startswith("Nothing was timed yet")
