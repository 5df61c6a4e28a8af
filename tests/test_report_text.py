import csv
import dataclasses
import io
import json

import pytest

from grokbench.errors import SuiteError
from grokbench.judging.conclusions import Conclusion
from grokbench.judging.note import Kind, caution, info
from grokbench.judging.ranking import Leaderboard, Row
from grokbench.judging.row_comparison import RowComparison
from grokbench.judging.task_summary import TaskSummary
from grokbench.judging.verdicts import Reproduction
from grokbench.records import Skip, Statistics
from grokbench.report.text import FORMATS, render
from grokbench.report.text.table import contrasts

PARITY = {"parity": TaskSummary(budget=4000, evaluate_every=20)}
COUNTS = {"seeds": 10, "grokked": 10, "censored": 0, "diverged": 0, "failed": 0}
SHARED = caution(Kind.TOO_FEW_SEEDS, "5 seeds cannot reach p < 0.05", 5)


def row(regularizer, **values):
    return Row(task="parity", regularizer=regularizer, **(COUNTS | values))


FULL = row(
    "a|b_50%",
    epochs_mean=75.25,
    epochs_median=75,
    speedup=21.2345,
    speedup_low=17.7,
    speedup_high=25.3,
    speedup_bound="lower",
    p_sign_flip=2 / 2**10,
    deciding_test="sign_flip",
    p_holm=0.0176,
    final={"test_accuracy": 0.97, "loss": None},
    seconds_per_epoch=0.0021,
    seconds_speedup=14.1,
    privileges=("extra_labels", "loss"),
    published_epochs=110,
    published_speedup=19.3,
    verdict=Reproduction.REPRODUCED,
    notes=(info(Kind.ALL_GROKKED, "all 10 seeds grokked", 10), SHARED),
)


def board(*rows, **changes):
    standard = {"suite": "quick", "baseline": "baseline", "environment": {"device": "cpu", "git": None}}
    return Leaderboard(**(standard | {"rows": rows, "tasks": PARITY, "source": "Table 1"} | changes))


MISSED = info(Kind.SOME_GROKKED, "6 of 10 did not grok", 4)
TWO = board(row("baseline", grokked=4, epochs_mean=3000, notes=(MISSED, SHARED)), FULL)


def test_a_table_says_what_a_row_shows():
    text = render(TWO, "table")
    assert "parity, 4000 epochs at most" in text and "device cpu" in text and "git" not in text
    line = next(line for line in text.splitlines() if line.startswith("a|b_50% +  "))
    assert line.split("  ")[0] == "a|b_50% +"
    for cell in ("10/10", " 75 ", "75.2", ">= 17.7x ", "0.002", "0.018", "0.0021", "14.1x"):
        assert cell in line
    assert line.endswith("19.3x effect reproduced")
    assert "4/10  > 4000  3000" in text and "Published: Table 1." in text
    assert "a|b_50%: all 10 seeds grokked" in text


@pytest.mark.parametrize("format", ["table", "markdown", "latex"])
def test_the_protocol_stands_beside_the_name_of_the_suite(format):
    assert "quick (protocol rules-1)" in render(board(FULL, protocol="rules-1"), format)
    assert "protocol" not in render(board(FULL), format)


def test_a_shared_caution_is_said_once():
    assert render(TWO, "table").count("cannot reach") == render(TWO, "markdown").count("cannot reach") == 1
    assert "a|b_50%: all 10 seeds grokked; 5 seeds cannot" in " ".join(render(board(FULL), "table").split())


def test_differing_environments_are_a_warning():
    git = [{"commit": "0123456789abcdef", "dirty": True}, None]
    text = render(board(FULL, environment={"device": ["cpu", "cuda"], "git": git}), "table")
    assert "the runs were made with more than one device" in text
    assert "device cpu | cuda, git 0123456789 with uncommitted changes | unknown" in text


@pytest.mark.parametrize("width", [120, 100, 80, 60])
def test_a_table_fits(width):
    labels = [f"grokalign_with_a_very_long_label_sweep[strength={x}]" for x in (0.1, 0.01)]
    text = render(board(*(dataclasses.replace(FULL, regularizer=label) for label in labels)), "table", width)
    assert max(map(len, text.splitlines())) <= width
    assert "=0.1] +  " in text and "=0.01] +  " in text  # still told apart


def test_columns_without_content_are_left_out():
    bare = board(row("baseline"), source=None, statistics=Statistics(correction="none"))
    header = render(bare, "table").splitlines()[5]
    assert header.split() == ["method", "grokked", "median", "mean", "speed-up", "[95%]", "p"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_takes_empty_rows_and_no_rows(format):
    why = info(Kind.SKIPPED, "skipped: it diverges")
    skip = Row(task="xor", regularizer="sam", **dict.fromkeys(COUNTS, 0), notes=(why,))
    assert "it diverges" in render(board(skip, skipped=(Skip("xor", "sam", "it diverges"),)), format)
    assert render(board(), format).endswith("\n")


def test_markdown_has_the_significant_best_in_bold_and_says_what_that_is():
    text = render(board(row("baseline"), dataclasses.replace(FULL, conclusion=Conclusion.FASTER)), "markdown")
    assert "| **a\\|b_50% +** |" in text and "**>= 17.7x** |" in text and text.count("**") == 4
    assert "Bold: significantly faster than baseline (Holm p at most 0.05), with a speed-up and" in text


def test_markdown_escapes_pipes():
    text = render(TWO, "markdown")
    assert "| a\\|b_50% +" in text and "- a\\|b_50%: all 10" in text


def test_latex_is_booktabs_and_escaped():
    text = render(dataclasses.replace(TWO, rows=(FULL, dataclasses.replace(FULL, regularizer="x_{&}#$~^\\<"))), "latex")
    assert "\\toprule" in text and "\\bottomrule" in text
    assert "a\\textbar{}b\\_50\\% + & 10/10 & 75" in text and "$\\geq$ 17.7" in text
    assert "x\\_\\{\\&\\}\\#\\$\\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\textless{} + &" in text


def test_the_p_of_declared_looks_has_a_column_of_its_own():
    note = info(Kind.COMPARED_TO, "against b: 2.00x", "b")
    against = RowComparison(other="b", speedup=2.0, p=0.01, p_sequential=0.02, note=note)
    tested = board(
        dataclasses.replace(FULL, p_holm=None, p_sequential=0.03, comparisons=(against,)),
        statistics=Statistics(correction="none", interim_looks=(6, 10)),
    )
    shown = contrasts(tested.rows, tested)
    assert shown.headers[-2:] == ("p", "sequential p") and shown.cells[0][-2:] == ("0.01", "0.02")
    assert "sequential $p$" in render(tested, "latex") and "Holm" not in render(tested, "latex")


def test_csv_has_all_keys():
    rows = list(csv.DictReader(io.StringIO(render(TWO, "csv"))))
    names = [field.name for field in dataclasses.fields(Row) if field.name != "final"]
    assert list(rows[0]) == [*names, "final_test_accuracy", "final_loss"]
    assert rows[1]["regularizer"] == "a|b_50%" and rows[1]["privileges"] == "extra_labels; loss"
    assert (rows[1]["final_test_accuracy"], rows[1]["final_loss"]) == ("0.97", "") and rows[0]["speedup"] == ""


def test_json_has_the_published_shape():
    data = json.loads(render(TWO, "json"))
    top = "schema_version suite protocol baseline environment seeds statistics tasks rows pairs aggregate"
    assert list(data) == top.split()
    assert list(data["rows"][1]) == [field.name for field in dataclasses.fields(Row)]
    assert data["rows"][0]["speedup"] is None and data["rows"][1]["notes"] == [note.text for note in FULL.notes]


def test_an_unknown_format_names_the_others():
    with pytest.raises(
        SuiteError, match="no leaderboard format 'xml'; choose one of: table, markdown, latex, csv, json"
    ):
        render(TWO, "xml")


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_tasks_that_were_not_run_take_one_line(style):
    begun = Row(task="parity", regularizer="baseline", seeds=1, grokked=1, censored=0, diverged=0, failed=0)
    waiting = Row(task="xor", regularizer="baseline", seeds=1, grokked=0, censored=0, diverged=0, failed=0)
    board = Leaderboard(suite="s", baseline="baseline", environment={}, rows=(begun, waiting))
    text = render(board, style)
    assert "Not run yet: xor." in text and text.count("xor") == 1
    assert "Not run yet" not in render(dataclasses.replace(board, rows=(waiting,)), style)
