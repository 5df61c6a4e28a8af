"""`grokbench plot`: what is asked for, and nothing else, in files that are whole."""

import os
import re
import xml.etree.ElementTree as ElementTree

import pytest

from grokbench.commands import figures as command
from grokbench.report.charts import FIGURES, files, style

from .helpers import awkward_labels, curve_folders
from .helpers.tiny import grokbench

TASKS = ("parity", "another")
OTHERS = ("accuracy-another", "seconds-another", "metrics-another-loss")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return curve_folders.make(tmp_path_factory.mktemp("drawn"), tasks=TASKS)


@pytest.fixture
def instant(monkeypatch):
    """Files in no time, that hold the specification's description."""
    for format in files.FORMATS:
        monkeypatch.setitem(files.FORMATS, format, lambda specification: specification["description"].encode())


def test_the_command_offers_what_there_is():
    assert command.FIGURES == tuple(FIGURES) and command.WIDTHS == tuple(style.PAPER)
    assert set(command.FORMATS) == set(files.FORMATS)


def plot(folder, figure, *options):
    return grokbench("plot", folder, figure, *options)


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_figure_in_all_formats_beside_the_results(folder):
    done = plot(folder, "forest", "--task", "parity")
    assert done.status == 0 and names(folder / "figures") == [f"forest-parity.{e}" for e in ("pdf", "png", "svg")]
    assert done.out.splitlines() == [str(folder / "figures" / f"forest-parity.{e}") for e in ("svg", "pdf", "png")]
    assert (folder / "figures" / "forest-parity.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("instant")
def test_every_figure_of_every_task(folder, tmp_path):
    assert plot(folder, "all", "--out", tmp_path, "--format", "svg").status == 0
    per_task = [f"{figure}-{task}.svg" for figure in ("forest", "survival", "accuracy", "seconds") for task in TASKS]
    assert names(tmp_path) == sorted(
        ["profile.svg", "summary.svg", *per_task, *(f"metrics-{task}-loss.svg" for task in TASKS)]
    )


@pytest.mark.usefixtures("instant")
def test_only_what_is_asked_for(folder, tmp_path):
    plot(folder, "all", "--out", tmp_path / "task", "--format", "svg", "--task", "another")
    assert names(tmp_path / "task") == sorted(
        [
            *(f"{figure}-another.svg" for figure in ("forest", "survival", "accuracy", "seconds")),
            "metrics-another-loss.svg",
        ]
    )
    plot(folder, "all", "--out", tmp_path / "metric", "--format", "svg", "--format", "png", "--metric", "loss")
    assert names(tmp_path / "metric") == sorted(f"metrics-{task}-loss.{e}" for task in TASKS for e in ("svg", "png"))


def test_width_axis_and_seeds(folder, tmp_path):
    def drawn(*options):
        plot(folder, "accuracy", "--task", "parity", "--out", tmp_path, "--format", "svg", *options)
        return (tmp_path / "accuracy-parity.svg").read_text()

    usual, wide, linear, single = drawn(), drawn("--width", "double"), drawn("--axis", "linear"), drawn("--seeds")
    assert ElementTree.fromstring(usual).get("width") == "240pt"
    assert ElementTree.fromstring(wide).get("width") == "496pt"
    assert ">100</text>" in linear and ">40</text>" in linear and ">40</text>" not in usual
    assert single.count("<path") > usual.count("<path") + 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("forest", "--task", "party"),
            "runs to draw for the task 'party'; there are: parity, another. Did you mean 'parity'?",
        ),
        (("metrics", "--metric", "lost"), "runs to draw for the metric 'lost'; there are: loss. Did you mean 'loss'?"),
        (("metrics", "--metric", "test_accuracy"), "runs to draw for the metric 'test_accuracy'; there are: loss"),
        (
            ("forest", "--metric", "loss"),
            "--metric applies only to the figure `metrics`, not to `forest`: leave out --metric.",
        ),
        (("summary", "--task", "parity"), "The figure `summary` shows all tasks: leave out --task."),
        (("profile", "--task", "parity"), "The figure `profile` shows all tasks: leave out --task."),
        (("forrest",), "Invalid value for 'FIGURE': 'forrest' is not one of 'summary', 'profile', 'published'"),
        (("forest", "--format", "gif"), "'gif' is not one of 'svg', 'pdf', 'png'"),
        (("forest", "--width", "wide"), "'wide' is not one of 'single', 'double'"),
    ],
)
def test_unknown_names_are_refused(folder, tmp_path, options, said):
    done = plot(folder, *options, "--out", tmp_path / "out")
    assert done.status == 2 and said in re.sub(r"\s+", " ", done.err) and "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_folders_without_results(tmp_path):
    done = plot(tmp_path / "nothing", "forest")
    assert done.status == 2 and "nothing" in done.err and "Traceback" not in done.err
    empty = curve_folders.make(tmp_path / "empty", {"baseline": [], "faster": []}, timed=False)
    done = plot(empty, "all")
    assert done.status == 2 and "has nothing to draw yet for `all`: see `grokbench status`." in done.err
    assert not (empty / "figures").exists()
    assert "for the task 'parity'; there are none" in plot(empty, "forest", "--task", "parity").err


@pytest.mark.usefixtures("instant")
def test_strange_labels_stay_within_the_folder_and_apart(tmp_path):
    tasks = ("../../up", "..", "a/b", "a_b", "A_b", "a b", "con:", "x" * 300, "-rf", "\x00\n", ".hidden", "λ-中文")
    curve_folders.make(tmp_path / "results", {"baseline": [60] * 6}, tasks=tasks)
    assert plot(tmp_path / "results", "accuracy", "--out", tmp_path / "out", "--format", "svg").status == 0
    assert names(tmp_path) == ["out", "results"] and len(names(tmp_path / "out")) == len(tasks)
    assert len({name.lower() for name in names(tmp_path / "out")}) == len(tasks)
    said = {file.read_text() for file in (tmp_path / "out").iterdir()}
    assert len(said) == len(tasks)


def test_a_file_is_whole_or_as_it_was(folder, tmp_path, monkeypatch):
    file = tmp_path / "forest-parity.svg"
    file.write_text("before")

    def fails(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    done = plot(folder, "forest", "--task", "parity", "--out", tmp_path, "--format", "svg")
    assert done.status == 2 and "No space left" in done.err and "Make room there" in done.err
    assert names(tmp_path) == ["forest-parity.svg"] and file.read_text() == "before"


@pytest.mark.usefixtures("instant")
def test_damaged_files_are_said(tmp_path):
    curve_folders.make(tmp_path)
    (tmp_path / "runs" / "c1" / "1002.json").write_text("{")
    done = plot(tmp_path, "survival", "--format", "svg")
    assert done.status == 0 and "Warning: runs/c1/1002.json is damaged" in done.err


def test_an_awkward_folder(tmp_path):
    awkward_labels.make(tmp_path / "results")
    done = plot(tmp_path / "results", "all", "--out", tmp_path / "out", "--format", "svg", "--width", "double")
    assert done.status == 0 and done.err == ""
    for file in (tmp_path / "out").iterdir():
        ElementTree.fromstring(file.read_bytes())
    assert len(names(tmp_path / "out")) == 8
