"""Figures of several panels: their data, what they show, and the suites that they are drawn from."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from grokbench.commands import figures as command
from grokbench.judging.evidence import gather
from grokbench.report.charts import PAPER_FIGURES, Sheet, drawings, files
from grokbench.report.charts.style import PAPER
from grokbench.store import Store

from .helpers import curve_folders
from .helpers.chart_specs import rows, shown_text
from .helpers.tiny import grokbench


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two tasks with the labels of figure 8, with accuracies and without Gini coefficients."""
    return curve_folders.make(tmp_path_factory.mktemp("drawn"), tasks=("learnt", "frozen"))


def one(folder, figure, width="double"):
    (found,) = drawings(Sheet(gather(Store.load(folder)), PAPER[width]), figure)
    return found.specification


def test_the_command_offers_the_figures_that_there_are():
    assert command.PAPER == tuple(PAPER_FIGURES)
    assert {name for name, figure in PAPER_FIGURES.items() if figure.names_tasks} <= set(command.ALL_TASKS)


def test_panels_hold_means_spreads_and_marks(folder):
    specification = one(folder, "figure8")
    views = [view for row in specification["vconcat"] for view in row["hconcat"]]
    assert len(views) == 2  # no curves of Gini coefficients
    band = gather(Store.load(folder)).bands["learnt", "slower"]["test_accuracy"]
    shown = [r for r in rows(specification, "mean") if (r["method"], r["line"]) == ("slower", "test")][
        : len(band.epochs)
    ]
    seeds = np.stack([_carried(values) for values in band.seeds.values()])
    assert [row["mean"] for row in shown] == pytest.approx(list(seeds.mean(axis=0)), rel=1e-4)
    spread = seeds.std(axis=0, ddof=1)
    high = np.minimum(seeds.mean(axis=0) + spread, 1.0)
    assert [row["high"] for row in shown] == pytest.approx(list(high), rel=1e-4)
    marks = {row["method"]: row["epoch"] for row in rows(specification, "method") if set(row) == {"method", "epoch"}}
    means = dict(zip(band.epochs.tolist(), seeds.mean(axis=0), strict=True))
    assert "slower" not in marks and max(means.values()) < 0.95
    assert marks["faster"] == 26  # of 20, 24, 30, 28, 26, 22: two are at 26 / 30 and 26 / 28; at 24 the mean is 0.93


def _carried(values):
    """A curve with its last value in place of later ones."""
    last = values[np.isfinite(values)][-1]
    return np.where(np.isnan(values), last, values)


@pytest.mark.parametrize("width", PAPER)
def test_a_file_is_as_wide_as_the_column(folder, width):
    svg = files.rendered(one(folder, "figure8", width), "svg").decode()
    assert 0.97 * PAPER[width].width < float(ElementTree.fromstring(svg).get("width")[:-2]) <= PAPER[width].width
    text = shown_text(svg)
    assert {"accuracy, learnt W_E", "accuracy, frozen W_E", "faster", "train"} <= set(text)
    assert "lines: mean of 6 seeds; shaded: a standard deviation" in svg  # two lines of a narrow figure are `tspan`s
    assert "vertical: test accuracy &gt; 0.95" in svg


def test_a_task_has_its_own_file_unless_panels_name_tasks(folder, tmp_path):
    done = grokbench("plot", folder, "figure7", "--format", "svg", "--out", tmp_path, "--task", "learnt")
    assert done.status == 0 and [file.name for file in tmp_path.iterdir()] == ["figure7-learnt.svg"]
    done = grokbench("plot", folder, "figure8", "--out", tmp_path, "--task", "learnt")
    assert done.status == 2 and "The figure `figure8` shows all tasks: leave out --task." in done.err


def test_a_folder_without_these_curves_names_the_suite(folder, tmp_path):
    done = grokbench("plot", folder, "figure3", "--out", tmp_path)
    said = re.sub(r"\s+", " ", done.err)
    assert done.status != 0 and "has no curves of figure3: run the suite `figure3`, or one that records" in said
