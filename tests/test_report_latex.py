"""Tables of LaTeX: their structure anywhere, and that they compile where pdflatex is there."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokbench.judging.note import Kind, info
from grokbench.judging.ranking import Leaderboard, Row
from grokbench.report.text import render
from grokbench.report.text.latex import MOST_ROWS
from grokbench.report.text.prose import remarks, warnings
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.text import escape

from .helpers import awkward_labels, tiny
from .helpers.result_folders import FASTER, make

PAPER = Path(__file__).parents[1] / "results" / "paper"
DOCUMENT = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n%s\n\\end{document}\n"
LETTER = re.compile(r"\\textsuperscript\{([a-z,]+)\}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return awkward_labels.make(tmp_path_factory.mktemp("awkward"))


def latex_of(folder):
    return render(pipeline.judge(Store.load(folder)), "latex")


def compiled(text, folder):
    """What pdflatex says of a document; it stops at the first error."""
    (folder / "doc.tex").write_text(DOCUMENT % text, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "doc.tex"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)


needs_tex = pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")


@needs_tex
def test_the_table_of_the_paper_compiles_and_fits_the_page(tmp_path):
    done = compiled(latex_of(PAPER), tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Overfull" not in done.stdout and (tmp_path / "doc.pdf").exists()


@needs_tex
def test_awkward_labels_compile(folder, tmp_path):
    methods = tiny.grokbench("leaderboard", folder, "--format", "latex", "--methods-text").out
    done = compiled(f"{latex_of(folder)}\n{methods}", tmp_path)
    assert done.returncode == 0, done.stdout


@needs_tex
def test_any_printable_character_compiles(tmp_path):
    chars = [chr(code) for code in (*range(0x20, 0x180), *range(0x370, 0x400), *range(0x1E00, 0x2300), 0x1F600)]
    words = [escape.latex(f"{char}{char}[{char}]") for char in chars]
    table = "\n".join(f"x {word} & 1 \\\\" for word in words[:200])
    text = f"{escape.UNICODE_CHAR}\n\\begin{{tabular}}{{lr}}\n{table}\n\\end{{tabular}}\n\n{' '.join(words)}"
    done = compiled(text, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("where", [PAPER, "folder"])
def test_environments_close_and_every_row_has_as_many_cells(where, folder):
    text = latex_of(folder if where == "folder" else where)
    opened = re.findall(r"\\(begin|end)\{(\w+)\}", text)
    assert [name for kind, name in opened if kind == "begin"] == ["table", "tabular", "minipage"]
    assert [name for kind, name in opened if kind == "end"] == ["tabular", "minipage", "table"]
    sides = re.search(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", text)[1]
    body = text[text.index("\\toprule") : text.index("\\bottomrule")]
    for line in body.splitlines():
        if line.endswith("\\\\") and "\\multicolumn" not in line:
            assert len(re.split(r"(?<!\\)&", line)) == len(sides)
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
    assert text.count("\\caption{") == text.count("\\label{tab:") == 1


def test_special_characters_are_themselves(folder):
    text = latex_of(folder)
    special = (
        "[a]\\_\\%\\&\\#\\$\\{\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\textless{}x\\textgreater{}"
    )
    assert f"\\textbf{{{special}}} & 8/8" in text
    assert "\\textbf{\\ensuremath{\\lambda}-\\unicodechar{4E2D}{中}\\unicodechar{6587}{文} \\'{e} \\~{n}" in text
    assert "\n{}*star\\textbar{}\\char34{}q\\char34{} \\textasciigrave{}t\\textasciigrave{} -{}- '{}' & 8/8" in text
    assert "\\emph{t\\^{a}sk\\_\\%\\&\\textless{}script\\textgreater{}, 200 epochs" in text
    assert "\\label{tab:awkward}" in text and text.count(escape.UNICODE_CHAR) == 1
    assert escape.UNICODE_CHAR not in latex_of(PAPER)


@given(st.text())
def test_no_text_escapes_from_latex(text):
    written = escape.latex(text)
    known = re.sub(r"\\unicodechar\{[0-9A-F]+\}\{.\}", "", written, flags=re.S)
    known = re.sub(
        r"\\ensuremath\{\\[A-Za-z]+\}|\\[A-Za-z]+\d*\{[A-Za-z]?\}|\\[&%$#_{}]|\\[`'^~=u.\"rHvc]\{[A-Za-z]\}|\{\}",
        "",
        known,
    )
    assert not set(known.replace("~", " ")) & set('\\{}$&#^_%<>|"\n\r\t') and known.isascii()


def test_a_row_that_begins_like_an_option_of_the_end_of_the_row_before_is_none():
    rows = [a_row(label) for label in ("[1]", "*a", "a")]
    text = render(board(*rows), "latex")
    assert "\n{}[1] & " in text and "\n{}*a & " in text and "\na & " in text


def test_footnotes_say_once_what_the_columns_do_not(folder):
    text = latex_of(folder)
    table, notes = text.split("\\end{tabular}")
    used = {letter for found in LETTER.findall(table) for letter in found.split(",")}
    defined = LETTER.findall(notes)
    assert used == set(defined) == set("abcdef") and len(defined) == 6
    assert "none of 8 seeds grokked within 200 epochs: the speed-up is an upper bound" in notes
    assert "skipped: 100\\% \\textbackslash{} \\{bad\\} \\& \\textless{}b\\textgreater{}." in notes
    assert "all 8 seeds grokked" not in text and "significantly faster" not in notes


def test_notes_that_the_columns_show_are_no_remarks(tmp_path):
    board = pipeline.judge(Store.load(make(tmp_path / "three")))
    said = {row.regularizer: remarks(row, ()) for row in board.rows}
    assert (
        not said["baseline"]
        and not said["faster"]
        and [note.kind for note in said["slower"]] == [Kind.SOME_GROKKED, Kind.FAILURES]
    )
    one = pipeline.judge(Store.load(make(tmp_path / "one", seeds=(1000,))))
    assert not remarks(one.rows[0], ()) and not remarks(one.rows[1], warnings(one))
    paper = pipeline.judge(Store.load(PAPER))
    for row in paper.rows:
        beyond = remarks(row, warnings(paper))
        assert bool(beyond) == ((row.task, row.regularizer) in STRIKING)


SKEWED = {("mnist_ce", "grokfast"), ("mnist_ce", "orthograd"), ("mnist_mse", "orthograd")}
STRIKING = {("xor", "placebo"), ("modular_addition", "orthograd"), *SKEWED}


def test_numbers_are_in_signs_of_mathematics(tmp_path):
    text = latex_of(PAPER)
    assert "& $1.1\\cdot10^{-6}$ &" in text and "& $>$ 1000 & $\\geq$ 1000 & $\\leq$ 0.26" in text
    assert "8.31, yes \\\\" in text and "4.16, no \\\\" in text and "1.04, open \\\\" in text
    assert "1.13, either \\\\" in text and "1.06, none \\\\" in text
    assert not re.search(r"\dx\b|\de-\d|>=", text)
    caption = next(line for line in text.splitlines() if line.startswith("\\caption"))
    assert "in the suite paper: every method against baseline, on 25 paired seeds. Bold: significantly" in caption


def test_the_significant_best_of_each_task_is_bold():
    text = latex_of(PAPER)
    bold = [line for line in text.splitlines() if line.startswith("\\textbf")]
    assert len(bold) == 5 and all(
        line.startswith("\\textbf{grokalign}") and line.count("\\textbf") == 2 for line in bold
    )


def a_row(label, task="parity", **values):
    counts = {"seeds": 10, "grokked": 10, "censored": 0, "diverged": 0, "failed": 0}
    return Row(task=task, regularizer=label, **counts, **values)


def board(*rows, **facts):
    return Leaderboard(suite="s", baseline="baseline", environment={}, rows=rows, **facts)


def test_a_long_leaderboard_takes_several_tables():
    rows = [a_row(f"m{i}", task) for task in ("one", "two") for i in range(MOST_ROWS - 10)]
    text = render(board(*rows), "latex")
    assert re.findall(r"\\label\{(.*)\}", text) == ["tab:s", "tab:s-2"] and text.count("(continued)") == 1
    first, second = text.split("\\end{table}\n\n")
    assert first.count(" & 10/10 &") == MOST_ROWS and second.count(" & 10/10 &") == MOST_ROWS - 20
    assert "\\emph{one}" in first and "\\emph{two}" in first and "\\emph{one}" not in second


def test_cells_without_runs_are_named_below_and_strange_suite_names_are_escaped():
    waiting = replace(a_row("m", "later"), grokked=0)
    text = render(replace(board(a_row("m"), waiting), suite="中"), "latex")
    assert "Not run yet: later." in text and "\\label{tab:leaderboard}" in text


def test_letters_of_footnotes_do_not_run_out():
    rows = [replace(a_row(f"m{i}"), notes=(info(Kind.BOUND, f"note {i}", i),)) for i in range(30)]
    text = render(board(*rows), "latex")
    assert "m25\\textsuperscript{z} " in text and "m29\\textsuperscript{ad} " in text


def test_a_folder_of_one_seed_is_no_pair(tmp_path):
    text = latex_of(make(tmp_path / "one", {"baseline": [100], "faster": FASTER[:1]}, seeds=(1000,)))
    assert "every method against baseline, on one seed." in text and "\\textbf" not in text
