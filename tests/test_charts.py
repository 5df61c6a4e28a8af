"""What a figure shows is what the leaderboard and the bands say; what there is nothing for is not drawn."""

import json
import math
from dataclasses import replace

import pytest

from grokbench.judging.evidence import gather
from grokbench.report.charts import Sheet, drawings
from grokbench.report.charts.style import PAPER
from grokbench.report.charts.summary import MEAN
from grokbench.report.text.table import speedup_text
from grokbench.stats.survival import kaplan_meier
from grokbench.store import Store

from .helpers import awkward_labels, curve_folders
from .helpers.chart_specs import TWO, drawn, one, rows


def test_the_forest_shows_the_rows_of_the_leaderboard(evidence):
    for kind in ("sound", "diverged", "at the start", "one seed"):
        sheet = Sheet(evidence(kind), PAPER["double"])
        mine = {row.regularizer: row for row in sheet.evidence.rows("parity") if row.regularizer != "baseline"}
        shown = {row["method"]: row for row in rows(one(sheet, "forest"), "method", "speedup")}
        assert list(shown) == list(mine)
        for label, row in mine.items():
            entry = shown[label]
            ends = (row.speedup_low, row.speedup_high) if row.speedup_bound is None else (None, None)
            numbers = {"speedup": row.shown, "low": ends[0], "high": ends[1]}
            for name, value in {**numbers, "corrected": row.p_holm}.items():
                assert entry[name] == (None if value is None else pytest.approx(value, rel=1e-4)), (kind, label, name)
            assert entry["text"] == entry["shown"] == speedup_text(row)
            assert entry["grokked"] == f"{row.grokked} of {row.seeds}"


def test_published_numbers_are_drawn_and_said(evidence):
    """They are ratios of means, so they stand beside our ratio of means and not among the speed-ups."""
    sheet = Sheet(evidence("awkward"), PAPER["single"])
    mine = {row.regularizer: row for row in sheet.evidence.leaderboard.rows}
    specification = one(sheet, "published", "")
    shown = {row["method"]: row for row in rows(specification, "published")}
    assert shown[awkward_labels.SPECIAL]["published"] == 2.0 and "never" not in shown
    for label, entry in shown.items():
        assert entry["ratio"] == pytest.approx(mine[label].speedup_of_means, rel=1e-4)
    assert "ratio of mean epochs" in json.dumps(specification)
    assert "published" not in json.dumps(one(sheet, "forest", awkward_labels.TASK))


def test_intervals_in_figures_give_way_to_the_plot(evidence):
    specification = one(Sheet(evidence("60"), PAPER["single"]), "forest")
    assert not any("[" in row["shown"] for row in rows(specification, "shown"))
    assert any("[" in row["text"] for row in rows(specification, "shown"))


def test_the_survival_curve_is_kaplan_meier(evidence):
    for kind in ("sound", "diverged", "failed", "at the start", "all censored"):
        sheet = Sheet(evidence(kind), PAPER["single"], log=False)
        steps = rows(one(sheet, "survival"), "share")
        for each in sheet.evidence.of("parity"):
            cell = each.measured
            mine = [row for row in steps if row["method"] == cell.cell.regularizer and "censored" in row]
            at, share = kaplan_meier(cell.times, cell.grokked)
            assert [row["epoch"] for row in mine[1:-1]] == at.tolist()
            assert [row["share"] for row in mine[1:-1]] == pytest.approx(share.tolist(), rel=1e-4)
            assert mine[0]["share"] == 1 and mine[-1]["epoch"] == max(cell.times)
            assert mine[-1]["censored"] != all(cell.grokked)
            assert not any(row["censored"] for row in mine[:-1])


def test_numbers_at_risk_by_hand(evidence):
    # 60, 64, 66, 70, 80 and one censored at 100; six from 20 to 30; four from 90 to 96 and two censored at 100
    shown = {}
    for row in rows(one(Sheet(evidence("sound"), PAPER["single"], log=False), "survival"), "left"):
        shown.setdefault(row["method"], {})[row["epoch"]] = row["left"]
    assert shown == {
        "baseline": {0: 6, 20: 6, 40: 6, 60: 6, 80: 2, 100: 1},
        "faster": {0: 6, 20: 6, 40: 0, 60: 0, 80: 0, 100: 0},
        "slower": {0: 6, 20: 6, 40: 6, 60: 6, 80: 6, 100: 2},
    }


def test_seconds_are_those_of_the_leaderboard(evidence):
    sheet = Sheet(evidence("sound"), PAPER["single"])
    mine = {row.regularizer: row for row in sheet.evidence.rows("parity")}
    assert len(rows(one(sheet, "seconds"), "seconds")) == 3
    for entry in rows(one(sheet, "seconds"), "seconds"):
        cost = sheet.evidence.costs["parity", entry["method"]]
        assert entry["seconds"] == pytest.approx(cost.seconds.value if entry["low"] else cost.seconds.low, rel=1e-4)
        assert entry["epochs"] == pytest.approx(mine[entry["method"]].epochs_mean, rel=1e-4)
        sure = entry["method"] == "faster"
        assert entry["low"] <= entry["seconds"] <= entry["high"] if sure else entry["low"] is entry["high"] is None
        assert entry["kind"].startswith("estimate" if sure else "at least")


def test_curves_are_the_bands(evidence):
    sheet = Sheet(evidence("sound"), PAPER["single"])
    for drawing in drawings(sheet, "accuracy"):
        for label in ("test_accuracy", "train_accuracy"):
            for method in sheet.evidence.methods:
                band = sheet.evidence.bands[drawing.task, method][label]
                every = rows(drawing.specification, "metric")
                shown = [row for row in every if (row["metric"], row["method"]) == (label, method)]
                for name in ("low", "median", "high"):
                    assert [row[name] for row in shown] == pytest.approx(list(getattr(band, name)), rel=1e-4)
                assert [row["epoch"] for row in shown] == band.epochs.tolist()
        levels = [row for row in rows(drawing.specification, "median") if set(row) == {"median"}]
        assert levels == [{"median": 0.9}]


@pytest.mark.parametrize(
    ("condition", "figure", "level"),
    [
        ({"test_accuracy": "> 0.8 "}, "accuracy", 0.8),
        ({"test_accuracy": ">= 9E-1"}, "accuracy", 0.9),
        ({"loss": "< 1E-3"}, "metrics", 1e-3),
    ],
)
def test_a_line_stands_where_the_criterion_has_its_bound(tmp_path, condition, figure, level):
    sheet = Sheet(gather(Store.load(curve_folders.make(tmp_path, grokked=condition))), PAPER["single"])
    (drawing,) = [each for each in drawings(sheet, figure) if each.metric in ("", *condition)]
    levels = [row for row in rows(drawing.specification, "median") if set(row) == {"median"}]
    assert levels == [{"median": pytest.approx(level)}]


def test_single_seeds_end_where_they_were_followed_to(evidence):
    specification = one(Sheet(evidence("sound"), PAPER["single"], seeds=True), "accuracy")
    assert {"name": "single", "value": True} in specification["params"]
    ends = {}
    for row in rows(specification, "seed"):
        ends[row["method"], row["seed"]] = max(row["epoch"], ends.get((row["method"], row["seed"]), 0))
    for method, epochs in curve_folders.FEW.items():
        assert [ends[method, seed] for seed in curve_folders.SEEDS] == [at or 100 for at in epochs]


def test_values_over_decades_are_on_a_logarithmic_axis(evidence):
    (loss,) = [each for each in drawings(Sheet(evidence("diverged")), "metrics") if each.metric == "loss"]
    scale = loss.specification["layer"][0]["encoding"]["y"]["scale"]
    assert scale["type"] == "log" and 0 < scale["domain"][0] < math.exp(-8) and scale["domain"][1] > 1
    (strange,) = drawings(Sheet(evidence("awkward")), "metrics")
    assert strange.specification["layer"][0]["encoding"]["y"]["scale"]["type"] == "linear"


def test_the_summary_holds_every_speed_up_and_means_of_estimates_alone(evidence):
    sheet = Sheet(evidence("sound"), PAPER["single"])
    mine = {(row.regularizer, row.task): row for row in sheet.evidence.leaderboard.rows}
    shown = {(row["method"], row["task"]): row for row in rows(one(sheet, "summary", ""), "speedup")}
    assert {task for _, task in shown} == {*TWO}  # every speed-up is a bound
    for (method, task), entry in shown.items():
        assert entry["speedup"] == pytest.approx(mine[method, task].shown, rel=1e-4)


def test_a_dagger_marks_a_mean_from_which_a_task_is_left_out(tmp_path):
    times = {"baseline": [60] * 6, "faster": [30] * 6, "partly": [20] * 6}
    folder = curve_folders.make(tmp_path, times, tasks=("a", "b", "c"))
    for file in (folder / "runs" / "c8").glob("*.json"):  # `partly` on the last task
        file.unlink()
    sheet = Sheet(gather(Store.load(folder)), PAPER["single"])
    means = {row["method"]: row for row in rows(one(sheet, "summary", ""), "said") if row["task"] == MEAN}
    assert {method: row["text"] for method, row in means.items()} == {"faster": "2.00x", "partly": "3.00x†"}
    assert means["partly"]["said"] == "geometric mean 3.00x [2.95, 3.16] over 2 tasks; left out: c"  # at a cadence of 2


def test_a_profile_ends_where_censoring_leaves_it_unknown(evidence):
    found = rows(one(Sheet(evidence("sound")), "profile", ""), "ratio", "share")
    ends = {row["method"]: (row["ratio"], row["share"]) for row in found if row["unknown"]}
    # Of the budget of 100: the baseline missed a seed whose least is 28, `slower` one whose least is 30.
    assert ends["baseline"] == (pytest.approx(100 / 28, rel=1e-4), pytest.approx(10 / 12, abs=1e-4))
    assert ends["slower"][0] == pytest.approx(100 / 30, rel=1e-4) and "faster" not in ends
    assert {row["share"] for row in found if row["method"] == "faster"} == {1.0}


def test_descriptions_say_what_is_shown(evidence):
    for drawing in drawn(Sheet(evidence("sound"))):
        said = drawing.specification["description"]
        assert "faster" in said and said.endswith(".") and drawing.task in said
    said = one(Sheet(evidence("sound")), "survival")["description"]
    assert "baseline: 5 of 6 seeds grokked, median 68 epochs" in said


def test_the_page_and_files_share_data(evidence):
    sheet = Sheet(evidence("sound"))
    log, linear = (one(replace(sheet, log=log), "accuracy") for log in (True, False))
    assert log["datasets"] == linear["datasets"] and set(log["datasets"]) <= set(sheet.datasets)


def test_charts_without_data_are_not_drawn(evidence):
    assert {each.figure for each in drawn(Sheet(evidence("all censored")))} == {
        *("survival", "accuracy", "seconds", "metrics")
    }
    assert "seconds" not in {each.figure for each in drawn(Sheet(evidence("no timings")))}


def test_a_folder_without_finished_runs_has_no_figure(tmp_path):
    folder = curve_folders.make(tmp_path, {"baseline": [], "faster": []}, timed=False)
    assert drawn(Sheet(gather(Store.load(folder)))) == []


def test_all_failed_gives_no_figure(tmp_path):
    every = {(label, seed) for label in curve_folders.FEW for seed in curve_folders.SEEDS}
    assert drawn(Sheet(gather(Store.load(curve_folders.make(tmp_path, failed=every))))) == []
