"""The committed results of Table 1: what the suite plans, complete where begun, and what the pages say of them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from grokbench.judging.ranking import rank
from grokbench.judging.verdicts import PublishedRatio, Reproduction, verdict
from grokbench.store import Store
from grokbench.suite import load_suite

from .helpers.reproduction_table import PAPER, compared, seconds_table, table

ROOT = Path(__file__).parents[1]
FOUND = compared()
BEGUN = [row for row in rank(FOUND).rows if row.grokked + row.censored + row.diverged + row.failed]
PUBLISHED = [row for row in BEGUN if row.published_speedup is not None]


@pytest.mark.parametrize("page", ["README.md", "docs/reproduction.md"])
def test_the_pages_show_what_was_measured(page):
    assert table(FOUND) in (ROOT / page).read_text(encoding="utf-8"), "python -m tests.helpers.reproduction_table"


def test_the_seconds_shown_are_those_that_were_measured():
    assert seconds_table(FOUND) in (ROOT / "docs/reproduction.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", BEGUN, ids=lambda row: f"{row.task}-{row.regularizer}")
def test_every_cell_has_all_its_seeds(row):
    assert row.grokked + row.censored + row.diverged == row.seeds == len(load_suite("paper").seeds) == 25


def test_every_published_cell_has_a_verdict():
    assert PUBLISHED and all(row.verdict in set(Reproduction) for row in PUBLISHED)
    open_ones = [row for row in PUBLISHED if row.verdict in ("inconclusive", "consistent")]
    assert open_ones and all("settle it" in " ".join(row.sentences) for row in open_ones)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row.task}-{row.regularizer}")
def test_no_effect_is_never_an_effect_reproduced(row):
    """Five of the ten verdicts "reproduced" of an earlier rule would have been given to it."""
    effects = {each.measured.cell.key: each.effect for each in FOUND.cells}
    theirs, found = PublishedRatio(row.published_speedup), effects[row.task, row.regularizer]
    ends = found.of_means_low / found.of_means, found.of_means_high / found.of_means
    centred = replace(found, of_means=1.0, of_means_low=ends[0], of_means_high=ends[1])
    placebo = effects.get((row.task, "placebo"))
    judged = [verdict(theirs, each, 25) for each in (centred, placebo) if each]
    assert judged and set(judged) <= {Reproduction.CONSISTENT, Reproduction.NO_EFFECT}


def test_a_significant_slow_down_reproduces_no_speed_up():
    (row,) = [row for row in BEGUN if (row.task, row.regularizer) == ("xor", "grokfast")]
    assert row.speedup_of_means_high < 1 <= row.published_speedup and row.verdict == "not reproduced"


def test_the_placebo_is_significant_nowhere():
    placebos = [row for row in BEGUN if row.regularizer == "placebo"]
    assert placebos and all(row.p_holm > 0.05 for row in placebos)


def test_evaluations_are_frequent_enough_for_the_fastest_method():
    cadence = {cell.task: cell.evaluate_every for cell in Store.load(PAPER).manifest.cells}
    fastest = {}
    for row in BEGUN:
        if row.epochs_median is not None:
            fastest[row.task] = min(row.epochs_median, fastest.get(row.task, row.epochs_median))
    assert all(cadence[task] <= max(1, 0.02 * median) for task, median in fastest.items())


def test_the_committed_results_stay_small_and_name_no_machine():
    files = [file for file in PAPER.iterdir() if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 15 * 2**20
    assert not Counter(name for name in ("/tmp/", "/home/", "/root/", "/work/") for f in files if name in f.read_text())
