"""Curves as lines of characters: hand-made ones and the text that they give."""

import io
import math

import numpy as np
import pytest

from grokbench.commands.output import can_print
from grokbench.judging.bands import Band
from grokbench.report.text import render
from grokbench.report.text.sparklines import BLOCKS, DIGITS, MOST_ROWS, Sparklines, read_sparklines
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers import curve_folders
from .helpers.tiny import grokbench

COLUMNS = 21  # ten for each power of ten from 1 to 100
WIDTH = len("baseline  epoch  ") + COLUMNS


def a_band(curve):
    """One seed's curve, by epoch."""
    epochs, values = np.array(list(curve)), np.array(list(curve.values()), float)
    return Band(epochs, values, values, values, values, values, {})


def sparklines(levels=BLOCKS, **methods):
    curves = {("t", method): {name: a_band(each) for name, each in found.items()} for method, found in methods.items()}
    return Sparklines(curves, levels)


SLOW = {"train": {0: 0.5, 1: 0.75, 10: 1, 100: 1}, "test": {0: 0.1, 1: 0.5, 10: 0.6, 100: 1}}
FAST = {"train": {0: 0.5, 1: 0.5, 10: 1}, "test": {0: 0.1, 1: 0.5, 5: 0.9, 10: 1}}


def test_the_methods_of_a_task_share_both_axes_and_a_line_ends_where_training_did():
    assert sparklines(baseline=SLOW, fast=FAST).lines("t", WIDTH) == [
        "accuracy, median over seeds: ▁ 0.5 to █ 1",
        "baseline  train  ▅▅▅▅▅▅▅▅▅▅███████████",
        "          test   ▁▁▁▁▁▁▁▁▁▁▂▂▂▂▂▂▂▂▂▂█",
        "fast      train  ▁▁▁▁▁▁▁▁▁▁█",
        "          test   ▁▁▁▁▁▁▁▇▇▇█",
        "          epoch  1         10      100",
    ]


def test_digits_stand_for_blocks():
    assert sparklines(DIGITS, fast=FAST).lines("t", 80)[0] == "accuracy, median over seeds: 0 0.5 to 9 1"
    assert sparklines(DIGITS, baseline=SLOW, fast=FAST).lines("t", WIDTH)[1:3] == [
        "baseline  train  555555555599999999999",
        "          test   000000000011111111119",
    ]


def test_a_line_is_blank_where_no_seed_has_a_value():
    lost = sparklines(a={"test": {0: 1, 1: 0.4, 10: math.nan}}, b={"test": {10: 0.4, 100: 0.8}}).lines("t", 80)
    assert [line[len("a  train  ") :] for line in lost[1:3]] == ["▁" * 30, " " * 30 + "▁" * 29 + "█"]


@pytest.mark.parametrize("curve", [{}, {"test": {0: 0.2}}])
def test_without_an_evaluation_after_epoch_0_there_is_nothing_to_show(curve):
    assert sparklines(a=curve).lines("t", 80) == [] == sparklines(a=FAST).lines("another task", 80)


def test_one_evaluation_is_one_column():
    assert sparklines(a={"test": {0: 0.2, 3: 0.4}}).lines("t", 80)[1:] == ["a  test   ▁", "   epoch  3"]


@pytest.mark.parametrize("width", [120, 80, 60])
def test_lines_fit_the_terminal(width):
    lines = sparklines(**{"a_method_with_a_very_long_label[strength=0.1]": SLOW}).lines("t", width)
    assert max(map(len, lines)) <= width and "=0.1]  train  " in lines[1]


def test_a_table_shows_the_curves_of_its_folder(tmp_path):
    folder = curve_folders.make(tmp_path / "runs")
    found = read_sparklines(Store.load(folder), pipeline.judge(Store.load(folder)))
    lines = found.lines("parity", 120)
    assert [line.split()[0] for line in lines] == ["accuracy,", *"baseline test faster test slower test epoch".split()]
    assert lines[-1].split() == ["epoch", "2", "10", "100"]
    table = grokbench("leaderboard", folder).out
    assert "\n".join(lines) in table and table.index("slower ") < table.index(lines[0])
    assert lines[0] not in render(pipeline.judge(Store.load(folder)), "table")


def test_a_long_leaderboard_shows_no_curves(tmp_path):
    store = Store.load(curve_folders.make(tmp_path / "runs", tasks=("parity", "addition")))
    assert len(pipeline.judge(store).rows) > MOST_ROWS and read_sparklines(store, pipeline.judge(store)) is None


@pytest.mark.parametrize(("encoding", "known"), [("utf-8", True), ("cp437", False), ("ascii", False)])
def test_digits_are_for_outputs_that_lack_the_blocks(monkeypatch, encoding, known):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding))
    assert can_print(BLOCKS) is known and can_print(DIGITS)
