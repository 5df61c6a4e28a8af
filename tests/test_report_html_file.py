"""The file that grokbench report writes: whole or not at all, and of nothing but results."""

import os
import re
import shutil

import pytest

from grokbench.io import atomic

from .helpers import result_folders
from .helpers.documentation_pages import ROOT
from .helpers.html_elements import Page
from .helpers.tiny import grokbench


def test_the_committed_results_fit_in_a_page_and_can_be_gone_on_with(tmp_path, monkeypatch):
    folder = shutil.copytree(ROOT / "results" / "paper", tmp_path / "paper")
    done = grokbench("report", folder, "--out", tmp_path / "new" / "folder" / "page.html")
    file = tmp_path / "new" / "folder" / "page.html"
    assert (done.status, done.err) == (0, "") and done.out == f"{file.stat().st_size / 2**20:.1f} MB in {file}\n"
    assert file.stat().st_size < 5e6 and [each.name for each in file.parent.iterdir()] == ["page.html"]
    page = Page(file.read_text(encoding="utf-8"))
    assert page.faults == [] and page.text.count("reproduced") > 10
    (command,) = re.findall(r"grokbench (run paper .*?float32)", page.text)
    assert str(tmp_path) not in page.text  # the page is sent to others
    monkeypatch.chdir(tmp_path)  # where the folder lies
    again = grokbench(*command.split(), "--dry-run")
    assert again.status == 0 and "24 cells, 0 replicas left to train" in again.out


def test_the_page_lies_in_the_folder_and_disturbs_nothing(tmp_path):
    folder = result_folders.make(tmp_path / "out")
    before = grokbench("leaderboard", folder).out, grokbench("status", folder).out
    assert grokbench("report", folder).status == 0 and (folder / "report.html").exists()
    assert (grokbench("leaderboard", folder).out, grokbench("status", folder).out) == before
    first = (folder / "report.html").read_bytes()
    assert grokbench("report", folder).status == 0 and (folder / "report.html").read_bytes() == first


def test_a_page_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    folder = result_folders.make(tmp_path / "out")
    (folder / "report.html").write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    done = grokbench("report", folder)
    assert done.status == 2
    assert "report.html cannot be written (No space left on device). Make room there" in done.err
    assert (folder / "report.html").read_text() == "old" and not list(folder.glob(".report*"))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_a_path_without_results_is_refused_in_a_sentence(tmp_path, make):
    make(tmp_path / "out")
    done = grokbench("report", tmp_path / "out")
    assert (done.status, done.out, len(done.err.strip().splitlines())) == (2, "", 1)
    assert f"{tmp_path / 'out'} is not a results folder: it holds no manifest.json. Name a folder that" in done.err


def test_out_has_to_be_a_file(tmp_path):
    folder = result_folders.make(tmp_path / "out")
    done = grokbench("report", folder, "--out", tmp_path)
    assert done.status == 2 and "is a directory" in done.err
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    done = grokbench("report", folder, "--out", tmp_path / "pipe")
    assert (done.status, done.out) == (2, "") and "pipe is a device or a pipe, expected a file" in done.err
    done = grokbench("report", folder, "--out", tmp_path / "file" / "page.html")
    assert done.status != 0 and "page.html cannot be written" in done.err and "Traceback" not in done.err
