"""Text of others acts nowhere: every command and format shows it escaped, each row in one line."""

import csv
import io
import json
import re
import shutil
import sys
from unittest.mock import patch

import pytest

from grokbench.cli import main
from grokbench.commands.completion import completer
from grokbench.commands.output import LONGEST_LINE
from grokbench.report.text.markup import fragment
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.text.escape import csv_cell, printable, printable_data
from grokbench.text.table import shortened, table, width
from grokbench.tune.tables import describe

from .helpers.documentation_pages import ROOT
from .helpers.hostile_text import ALL, ITEMS, LABELS, acting, make
from .helpers.tiny import grokbench, write

COMMANDS = (
    *(("leaderboard", "{}", "--format", style) for style in ("table", "markdown", "latex", "csv", "json")),
    *(("leaderboard", "{}", "--methods-text", "--format", style) for style in ("table", "markdown", "latex")),
    *((name, "{}", "--format", style) for name in ("seconds",) for style in ("table", "markdown", "json")),
    *(("compare", "{}", "{}", "--format", style) for style in ("table", "markdown", "json")),
    ("status", "{}", "--tracebacks"),
    ("evaluate", "{}", "accuracy" + ALL.replace("\0", "")),
    ("plot", "{}", "forest", "--task", "x"),
    ("pack", "{}"),
    ("export", "{}"),
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return make(tmp_path_factory.mktemp("hostile") / "results")


def run(folder, *words):
    return grokbench(*(word.format(folder) if word == "{}" else word for word in words))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words).split("accuracy")[0])
def test_nothing_acts_in_a_terminal(hostile, words):
    done = run(hostile, *words)
    assert done.status in (0, 2) and (done.out or done.err)
    assert acting(done.out) == acting(done.err) == []
    if "json" in words:
        assert json.loads(done.out)


@pytest.mark.parametrize("command", ["leaderboard", "seconds", "compare"])
def test_a_table_has_a_line_for_each_row(hostile, command):
    folders = ["{}"] * (2 if command == "compare" else 1)
    plain = run(hostile, command, *folders).out.split("\n")
    rule = next(number for number, line in enumerate(plain) if line.startswith("----"))
    skipped = command == "leaderboard"  # a row that the suite skips
    rows = plain[rule + 1 : rule + 2 + len(LABELS) + skipped]
    assert [line[:1] for line in rows] == ["b", "=", "+", "-", "@"] + ["+"] * skipped
    pipes = run(hostile, command, *folders, "--format", "markdown").out.split("\n")
    rule = next(number for number, line in enumerate(pipes) if line.startswith("|:-"))
    rows = pipes[rule + 1 : pipes.index("", rule)]
    assert len(rows) == len(LABELS) + 1 + skipped and all(line.startswith("| ") for line in rows)


def test_a_spreadsheet_calculates_nothing(hostile, tmp_path):
    assert run(hostile, "export", "{}", "--out", str(tmp_path / "out")).status == 0
    texts = [(tmp_path / "out" / f"{name}.csv").read_bytes().decode() for name in ("runs", "leaderboard")]
    texts.append(run(hostile, "leaderboard", "{}", "--format", "csv").out)
    for text in texts:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        assert len({len(row) for row in rows}) == 1 and len(rows) in (1 + 40, 1 + 6)
        assert {row[1] for row in rows[1:]} >= {csv_cell(label) for label in LABELS}
        cells = [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert all(float(cell) is not None for cell in cells)
        assert acting(text.replace("\r\n", "\n")) == []
    assert csv_cell("-1") == "'-1" and csv_cell("＝1") == "'＝1" and csv_cell("a=1") == "a=1"


def test_written_pages_and_charts_show_it_escaped(hostile, tmp_path):
    assert run(hostile, "pack", "{}", "--keep-paths", "--out", str(tmp_path / "packed")).status == 0
    assert run(hostile, "plot", "{}", "forest", "--format", "svg", "--out", str(tmp_path / "charts")).status == 0
    shutil.copytree(hostile, tmp_path / "copy")
    assert run(tmp_path / "copy", "report", "{}").status == 0
    page = (tmp_path / "copy" / "report.html").read_text(encoding="utf-8")
    body, _, scripts = page.partition('<script type="application/json"')
    assert acting(body) == acting(scripts.partition("</script>")[0]) == []
    assert "<img src=x" not in page.split("<script>")[0]
    texts = [file.read_text(encoding="utf-8") for file in (tmp_path / "charts").iterdir()]
    texts += [file.read_text(encoding="utf-8") for file in (tmp_path / "packed").glob("*.md")]
    assert len(texts) == 2 and [acting(text) for text in texts] == [[], []]
    assert acting(fragment(pipeline.judge(Store.load(hostile)))) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_output_will_do(hostile, encoding):
    for style in ("table", "json"):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        words = ["grokbench", "leaderboard", str(hostile), "--format", style]
        with patch.object(sys, "argv", words), patch.object(sys, "stdout", out):
            main()
        out.flush()
        text = out.buffer.getvalue().decode(
            "utf-8" if encoding == "ascii" else encoding
        )  # click writes UTF-8 for ASCII
        assert acting(text) == [] and (style == "table" or json.loads(text)["rows"][1]["regularizer"] == LABELS[0])


def test_a_hostile_suite_is_refused_in_visible_lines(tmp_path):
    text = json.dumps({"suite": "s", "tasks": {ALL: {"use": ALL}}, "regularizers": {label: {} for label in LABELS},
                       "baseline": ALL, ALL: ALL, "skip": [{"task": ALL, "regularizer": "x", "why": ALL}]})  # fmt: skip
    suite = write(tmp_path, text)
    done = grokbench("validate", suite)
    assert done.status == 2 and acting(done.err) == [] and "FORGED" in done.err
    assert all(line.startswith(("Error: ", str(suite))) for line in done.err.splitlines())


def test_known_labels_are_listed_in_one_line(tmp_path):
    labels = {f"a{sign}\nFORGED": {"use": "xor"} for sign in ("", "\u202e", "\t")}
    text = json.dumps({"suite": "s", "seeds": 1, "tasks": labels, "regularizers": labels, "baseline": "b"})
    done = grokbench("validate", write(tmp_path, text))
    assert done.status == 2 and "\\nFORGED" in done.err and acting(done.err) == []
    assert not [line for line in done.err.splitlines() if line.startswith("FORGED")]


def test_known_labels_of_a_folder_are_listed_in_one_line(hostile):
    done = run(hostile, "plot", "{}", "survival", "--task", "x")
    assert done.status == 2 and len(done.err.splitlines()) == 2 and "\\nFORGED" in done.err


def test_commands_print_by_one_function():
    others = {"output.py"}
    files = [file for file in (ROOT / "grokbench" / "commands").glob("*.py") if file.name not in others]
    texts = [file.read_text(encoding="utf-8") for file in (*files, ROOT / "grokbench" / "cli.py")]
    direct = re.compile(r"click\.s?echo|\bprint\(|sys\.std(out|err)\.write")
    assert len(texts) > 10 and not [text for text in texts if direct.search(text)]


def test_a_condition_of_any_length_is_refused_at_once_by_its_beginning(tmp_path):
    text = "suite: s\nseeds: 1\ntasks: {xor: {grokked: {test_accuracy: '> %sx'}}}\nregularizers: {baseline: {}}\n"
    done = grokbench("validate", write(tmp_path, text % ("1" * 99_000)))
    assert done.status == 2 and "expected a condition such as" in done.err and len(done.err) < 1000


def test_a_message_is_cut(tmp_path):
    done = grokbench("leaderboard", tmp_path / ("x" * 60_000))
    assert done.status == 2 and max(map(len, done.err.splitlines())) <= LONGEST_LINE


def test_the_tables_of_a_search_show_it_escaped():
    trial = {"trial": 0, "values": {ALL: ALL}, "epochs": 10.0, "grokked": 1, "seeds": 1}
    search = {"task": ALL, "method": LABELS[0], "chosen": 0, "confirmation": [trial], "trials": [trial], "seeds": [1]}
    search |= {"best_of_k": [10.0], "edges": [], "notes": [ALL]}
    record = {"searches": [search], "seeds": [1], "confirm_seeds": [2], "n_trials": 1, "rank_by": "first"}
    record["compute"] = [dict.fromkeys(("method", "tasks", "trials_per_task", "replicas", "epochs"), ALL)]
    first = next(describe(record))
    assert acting(first) == [] and len(first.splitlines()) == 3


def test_no_suggestion_of_a_completion_acts():
    found = completer(lambda *_: ["plain", *ITEMS])(None, None, "")
    assert "plain" in [item.value for item in found] and all(item.value.isprintable() for item in found)


def test_a_lone_surrogate_can_be_printed_and_saved():
    for text in ("\ud800", "a\udfff"):
        assert printable(text).isascii() and printable_data({"a": [text]}) == {"a": [printable(text)]}
        assert csv_cell(text).encode()


def test_a_table_lines_up_by_what_a_terminal_shows():
    rows = [("中文", "1"), ("e\u0301", "22"), ("plain", "333")]
    lines = table(rows, ("name", "n"), ("left", "right")).splitlines()
    assert {width(line) for line in lines} == {11}
    assert width("中文") == 4 and width("e\u0301") == 1 and shortened("中文中文中文", 7) == "中…文"
    assert shortened("grokalign_sweep[strength=0.1]", 14) == "grokal…th=0.1]" and shortened("xor", 3) == "xor"
