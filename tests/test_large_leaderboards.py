"""Leaderboards of many methods: their order, their notes, and their page. No number changes with any of these."""

import json
from dataclasses import replace

import pytest

from grokbench.commands.leaderboard_rows import SORTS as OFFERED
from grokbench.judging.evidence import gather
from grokbench.judging.ordering import SORTS, arranged, leading
from grokbench.judging.ranking import compare, rank
from grokbench.report.charts.summary import FASTER, NEITHER, SLOWER, shade
from grokbench.report.html import document
from grokbench.report.html.fastest import fastest
from grokbench.report.html.glance import glance
from grokbench.report.html.multiples import multiples
from grokbench.report.text import render
from grokbench.report.text.table import speedup_text
from grokbench.store import Store

from .helpers import thirty_methods
from .helpers.html_elements import Page
from .helpers.tiny import grokbench


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return thirty_methods.make(tmp_path_factory.mktemp("thirty") / "folder", methods=14, tasks=2, seeds=12)


@pytest.fixture(scope="module")
def judged(folder):
    store = Store.load(folder)
    return rank(compare(store.manifest, store.runs(), store.timings()))


def labels(board, task="sparse_parity"):
    return [row.regularizer for row in board.rows if row.task == task]


def test_a_large_leaderboard_begins_with_the_baseline_and_the_fastest(judged):
    shown = labels(arranged(judged))
    assert shown[:2] == ["baseline", "grokalign"] and shown[-1] == "groktransfer"  # which is skipped
    assert labels(arranged(judged, "suite")) == labels(judged) != shown
    assert leading(judged)[:3] == ["baseline", "groktransfer", "grokalign"]  # each is the fastest of a task


def test_a_method_that_misses_seeds_does_not_lead(judged):
    rows = {row.regularizer: row for row in judged.rows if row.task == "sparse_parity"}
    assert rows["neuralgrok"].speedup_bound == "upper"
    shown = labels(arranged(judged, "speedup"))
    values = [rows[label].shown for label in shown if rows[label].shown and rows[label].speedup_bound is None]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_holds_every_row_and_changes_none(judged, sort):
    assert tuple(SORTS) == OFFERED
    rows = arranged(judged, sort).rows
    assert sorted(map(repr, rows)) == sorted(map(repr, judged.rows))
    assert rows[0].regularizer == "baseline" or sort == "method"


def test_rows_are_selected_and_their_numbers_stay(folder):
    full = {(row["task"], row["regularizer"]): row for row in printed(folder)["rows"]}
    some = printed(folder, "--task", "sparse_parity", "--top", "3")
    shown = [row["regularizer"] for row in some["rows"]]
    assert shown == ["baseline", "grokalign", "clip_to_grok", "grokfast_decay_x10"]
    assert all(full[row["task"], row["regularizer"]] == row for row in some["rows"])
    assert {pair["task"] for pair in some["pairs"]} <= {"sparse_parity"}
    named = printed(folder, "--regularizer", "sam", "--regularizer", "muon")
    assert [row["regularizer"] for row in named["rows"]] == ["baseline", "muon", "sam"] * 2
    assert {mean["regularizer"] for mean in named["aggregate"]} == {"muon", "sam"}


def printed(folder, *options):
    return json.loads(grokbench("leaderboard", folder, "--format", "json", *options).out)


@pytest.mark.parametrize(("option", "word"), [("--task", "sparse_party"), ("--regularizer", "muo")])
def test_an_unknown_label_is_refused(folder, option, word):
    done = grokbench("leaderboard", folder, option, word)
    assert done.status == 2 and f"has no {option[2:]} {word!r}" in done.err and "Did you mean" in done.err


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_a_large_leaderboard_says_every_remark_once(judged, style):
    text = " ".join(render(arranged(judged), style).split()).replace("\\", "")
    for once in ("another recipe than the task's own: ", "uses what the baseline does not have: ", "Methods"):
        assert text.count(once) == (0 if (once, style) == ("Methods", "markdown") else 1), once
    assert "tuned_baseline (lr 0.001 -> 0.004, weight_decay 0.1 -> 1.3)" in text
    assert "stablemax *+" in text and "all 12 seeds grokked; " not in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_large_table_fits(judged, width):
    text = render(arranged(judged), "table", width)
    assert max(map(len, text.splitlines())) <= width and "Holm p" in text and "speed-up" in text


# ---- the page


@pytest.fixture(scope="module")
def evidence(folder):
    return gather(Store.load(folder))


def test_the_page_names_the_fastest_with_privileges_and_recipe(evidence):
    found = fastest(evidence)
    first = {each.task: each for each in reversed(found) if each.rank == "fastest"}
    assert (first["sparse_parity"].method, first["sparse_parity"].uses) == ("grokalign", "loss")
    assert first["modular_addition"].method == "groktransfer"
    others = [each for each in found if each.rank == "fastest without privileges"]
    assert [each.method for each in others] and not any(each.uses for each in others)
    rows = {(row.task, row.regularizer): row for row in evidence.leaderboard.rows}
    assert all(each.speedup == speedup_text(rows[each.task, each.method]) for each in found)


def test_a_table_at_a_glance_shows_strength_significance_and_why_there_is_no_number(evidence):
    shown = glance(evidence)
    cells = {
        (line.method, task): box for line in shown.lines for task, box in zip(shown.columns, line.boxes, strict=True)
    }
    statistics = evidence.manifest.statistics
    for row in evidence.leaderboard.rows:
        if row.regularizer != "baseline":
            box = cells[row.regularizer, row.task]
            assert bool(box.colour) == row.significant(statistics) == box.text.endswith(" *")
    assert cells["groktransfer", "sparse_parity"].text == "skipped"
    end = 40.0
    assert len({shade(value, end) for value in (40.0, 20.0, 8.0, 4.0, 1.0, 0.5, 0.1, 0.025)}) == 8  # none saturates
    assert shade(end, end) == FASTER and shade(1 / end, end) == SLOWER and shade(1.0, end) == NEITHER


def test_the_page_of_a_large_leaderboard(evidence):
    text = document(evidence)
    page = Page(text)
    assert page.faults == [] and len(text) < 5 * 2**20
    assert page.text.count("+: uses what the baseline does not have: ") == 1
    checked = [a["value"] for tag, a in page.elements if tag == "input" and "checked" in a and "value" in a]
    assert checked == evidence.methods[:8] and checked[0] == "baseline"
    pictures = multiples(evidence, "sparse_parity")
    shown = [row.regularizer for row in evidence.rows("sparse_parity")]
    assert [each.method for each in pictures] == [label for label in shown if label not in ("baseline", "groktransfer")]
    assert multiples(replace(evidence, leaderboard=arranged(evidence.leaderboard, top=3)), "sparse_parity") == []
