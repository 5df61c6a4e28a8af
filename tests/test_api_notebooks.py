"""Runs in a notebook: its HTML, and what is shown while it trains."""

import builtins
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import grokbench
from grokbench.records import Manifest, Skip
from grokbench.runner.progress import PlainDisplay, display
from grokbench.store import Store

from .helpers.result_folders import SEEDS, a_cell, a_run, make


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "runs")


class Elements(HTMLParser):
    """The tags of a piece of HTML, and its text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.met, self.text = [], set(), ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.met.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_and_markdown_hold_no_tag_of_a_label(tmp_path):
    evil = "<script>alert('x')</script>"
    cells = [a_cell("baseline"), replace(a_cell("faster"), regularizer=evil)]
    manifest = Manifest(f"tiny {evil}", "", "baseline", SEEDS, tuple(cells), (Skip("parity", "sam", evil),))
    with Store.open(tmp_path / "evil", manifest) as store:
        for cell in cells:
            for seed in SEEDS:
                store.save(a_run(cell, seed, 100))
    board = grokbench.leaderboard(tmp_path / "evil")
    page = Elements(board._repr_html_())
    assert page.met <= {"div", "h3", "h4", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    assert not page.open and page.text.count(evil) >= 4
    assert "<script" not in board._repr_markdown_()


def test_html_says_what_the_table_says(folder):
    page = Elements(grokbench.leaderboard(folder)._repr_html_())
    for text in (
        "parity, 200 epochs at most",
        "faster",
        "6/8",
        "speed-up [95%]",
        "2 of 8 seeds did not",
        "Speed-up: exp",
    ):
        assert text in page.text
    assert {"table", "ul"} <= page.met


@pytest.mark.parametrize("kind", ["ZMQInteractiveShell", "Shell"])
def test_a_notebook_gets_plain_lines_on_standard_output(monkeypatch, capsys, kind):
    monkeypatch.setattr(builtins, "get_ipython", lambda: type(kind, (), {})(), raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with display() as shown:
        assert isinstance(shown, PlainDisplay)
        shown.say("hello")
    told = capsys.readouterr()
    assert "hello" in told.out and not told.err


def test_ipython_in_a_terminal_is_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(builtins, "get_ipython", lambda: type("TerminalInteractiveShell", (), {})(), raising=False)
    with display() as shown:
        shown.say("hello")
    assert "hello" in capsys.readouterr().err
