"""`grokbench plot DIR sensitivity`: speed-ups over learning rate x weight decay, each over the row that it names."""

import re
from dataclasses import replace

import pytest

from grokbench.judging.evidence import gather
from grokbench.report.charts import Sheet, files
from grokbench.report.charts.recipe_panels import recipe_panels
from grokbench.report.charts.sensitivity import BOUND, sensitivity
from grokbench.store import Store

from .helpers import result_folders
from .helpers.result_folders import BASELINE, FASTER, SLOWER, a_cell, recipe_of
from .helpers.tiny import grokbench

RECIPE, DECAY = (0.01, 0.1), (0.01, 1.0)
ROWS = {
    "baseline": ("baseline", RECIPE, (), BASELINE),
    "decay": ("baseline", DECAY, (), FASTER),
    "copy": ("baseline", RECIPE, (), BASELINE),
    "fast": ("grokfast_ema", RECIPE, (), FASTER),
    "fast_decay": ("grokfast_ema", DECAY, ("decay",), FASTER),
    "slow": ("grokalign", RECIPE, (), SLOWER),
    "slow_decay": ("grokalign", DECAY, ("decay",), SLOWER),
    "alone": ("orthograd", RECIPE, (), FASTER),
}


def sweep(directory, **compare_to):
    """A results folder with these rows, of which some are compared with others than ROWS says."""
    cells = [
        replace(
            a_cell(label, compare_to=compare_to.get(label, others)),
            recipe=recipe_of(use),
            optimizer={"lr": lr, "weight_decay": decay},
        )
        for label, (use, (lr, decay), others, _) in ROWS.items()
    ]
    result_folders.make(directory, {label: row[-1] for label, row in ROWS.items()}, cells)
    return gather(Store.load(directory))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    return sweep(tmp_path_factory.mktemp("sweep"))


def test_a_panel_for_the_baseline_and_each_method_with_several_settings(evidence):
    shown = {
        panel.name: {at: row.regularizer for at, row in panel.rows.items()}
        for panel in recipe_panels(evidence, "parity")
    }
    assert shown == {
        "baseline": {RECIPE: "baseline", DECAY: "decay"},
        "grokfast_ema": {RECIPE: "fast", DECAY: "fast_decay"},
        "grokalign": {RECIPE: "slow", DECAY: "slow_decay"},
    }


def test_rows_are_compared_with_the_baseline_of_the_same_settings(evidence):
    panels = {panel.name: panel for panel in recipe_panels(evidence, "parity")}
    assert panels["grokfast_ema"].judged(DECAY).speedup == pytest.approx(1.0)  # 1.9 over the baseline at RECIPE
    assert panels["grokfast_ema"].judged(RECIPE).speedup > 1.5
    assert [panel.title for panel in panels.values()] == [
        "baseline, over its outlined recipe",
        "grokfast_ema, over its control",
        "grokalign, over its control",
    ]


@pytest.mark.parametrize("others", [(), ("alone",), ("baseline",)])
def test_without_a_control_for_every_row_all_are_compared_with_the_suites_baseline(tmp_path, others):
    evidence = sweep(tmp_path, fast_decay=others)
    (panel,) = [panel for panel in recipe_panels(evidence, "parity") if panel.name == "grokfast_ema"]
    assert panel.title == "grokfast_ema, over the baseline" and panel.judged(DECAY).speedup > 1.5


def test_bounds_are_grey_with_a_sign_and_the_recipe_is_outlined(evidence):
    specification = sensitivity(Sheet(evidence), "parity")
    rows = [row for data in specification["datasets"].values() for row in data if "bounded" in row]
    found = {row["method"]: (row["text"][0], row["bounded"], row["recipe"]) for row in rows}
    assert found == {
        "baseline": ("1", False, True),
        "decay": ("1", False, False),
        "fast": ("1", False, True),
        "fast_decay": ("1", False, False),
        "slow": ("≤", True, True),
        "slow_decay": ("≤", True, False),
    }
    layers = specification["layer"]
    (grey,) = [layer for layer in layers if layer["encoding"].get("color", {}).get("value") == BOUND]
    (outline,) = [layer for layer in layers if layer["mark"].get("strokeWidth", 0) > 1]
    assert "bounded" in grey["transform"][0]["filter"] and "recipe" in outline["transform"][0]["filter"]
    known = [float(row["text"][:-1].rstrip(" x*")) for row in rows if not row["bounded"] and row["speedup"] != 1]
    (scale,) = [found for layer in layers if (found := layer["encoding"].get("color", {}).get("scale"))]
    assert scale["domain"][-1] == pytest.approx(max(2.0, *known), rel=0.01)


def test_the_command_draws_it_or_says_what_is_missing(evidence, tmp_path, monkeypatch):
    monkeypatch.setitem(files.FORMATS, "svg", lambda specification: specification["description"].encode())
    assert grokbench("plot", evidence.folder, "sensitivity", "--format", "svg", "--out", tmp_path).status == 0
    assert "baseline 1; decay 1.98x" in (tmp_path / "sensitivity-parity.svg").read_text()
    result_folders.make(tmp_path / "plain")
    done = grokbench("plot", tmp_path / "plain", "sensitivity", "--out", tmp_path / "none")
    said = re.sub(r"\s+", " ", done.err)
    assert done.status != 0 and "run with two settings of the optimizer" in said and "{grid: [" in said
