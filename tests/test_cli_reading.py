"""Commands that train nothing: `leaderboard`, `status`, `list`, `show`, `validate` and `data`."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from grokbench.commands import results
from grokbench.data.load_mnist import MNIST_FILES
from grokbench.records import Outcome
from grokbench.report.text import FORMATS
from grokbench.store import Store

from .helpers import json_keys, tiny
from .helpers.tiny import grokbench, outcomes

TOP = json_keys.KEYS["leaderboard"].split()
KEYS = json_keys.KEYS["rows"].split()


def test_the_keys_of_the_json(folder):
    done = grokbench("leaderboard", folder, "--format", "json")
    board = json.loads(done.out)
    assert (done.status, list(board)) == (0, TOP)
    assert [list(row) for row in board["rows"]] == [KEYS] * 2
    assert (board["suite"], board["baseline"]) == ("tiny", "baseline")
    assert [row["seeds"] for row in board["rows"]] == [3, 3]
    assert set(board["rows"][0]["final"]) == {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    assert board["rows"][0]["speedup"] is board["rows"][1]["published_epochs"] is None


def test_every_format(folder):
    assert results.FORMATS == tuple(FORMATS)
    text = {style: grokbench("leaderboard", folder, "--format", style).out for style in results.FORMATS}
    finals = [f"final_{label}" for label in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")]
    header = next(csv.reader(text["csv"].splitlines()))
    assert header[:-4] == [key for key in KEYS if key != "final"] and set(header[-4:]) == set(finals)
    assert "| orthograd" in text["markdown"] and "\\toprule" in text["latex"]
    assert text["table"] == grokbench("leaderboard", folder).out


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("columns", "widest"), [(70, 70), (20, 60), (200, 200)])
def test_a_table_fits_the_terminal_it_is_printed_to(folder, monkeypatch, columns, widest):
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 40)))
    monkeypatch.setattr("sys.stdout", Terminal())
    results.print_leaderboard(Store.load(folder), "table")
    lines = sys.stdout.getvalue().splitlines()
    assert max(map(len, lines)) <= widest and (columns < 120 or max(map(len, lines)) > 120)


def test_status_counts_every_replica(folder):
    counts = dict.fromkeys(("grokked", "censored", "diverged", "failed", "missing"), 0)
    counts.update({outcome.value: list(outcomes(folder).values()).count(outcome) for outcome in Outcome})
    expected = ", ".join(f"{count} {word}" for word, count in counts.items())
    assert grokbench("status", folder).out == f"tiny: 6 replicas planned: {expected}.\n"


def test_list_names_everything_and_reports_a_broken_file_with_its_traceback(tmp_path):
    files = tiny.write(tmp_path, tiny.PLUGIN, "mine.py"), tiny.write(tmp_path, "1 / 0\n", "broken.py")
    done = grokbench("list", "--plugin", files[0], "--plugin", files[1])
    assert done.status == 0
    for name in ("tasks", "sparse_parity", "regularizers", "grokalign", "metrics", "weight_norm", "suites", "quick"):
        assert f"\n{name}" in f"\n{done.out}"
    assert "file mine.py" in done.out
    assert "Warning: file broken.py is left out:\nTraceback" in done.err and "ZeroDivisionError" in done.err


def test_list_of_one_kind():
    done = grokbench("list", "suites")
    assert done.out.startswith("suites\n") and "smoke" in done.out and "grokalign" not in done.out


def test_show(tmp_path):
    assert grokbench("show", "grokalign").out.startswith("grokalign (regularizer, built in)")
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    assert "steady (regularizer, file mine.py)" in grokbench("show", "steady", "--plugin", mine).out


def test_show_reports_a_broken_file(tmp_path):
    done = grokbench("show", "mine", "--plugin", tiny.write(tmp_path, "1 / 0\n", "mine.py"))
    assert done.status == 2 and "file mine.py is left out: ZeroDivisionError" in done.err


def test_validate_says_that_a_suite_is_sound(suite):
    assert grokbench("validate", suite).out == f"{suite}: sound; 2 cells, 3 seeds.\n"


def test_data_status_names_what_is_missing_and_where_it_belongs(tmp_path, monkeypatch):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / MNIST_FILES[0]).touch()
    done = grokbench("data", "status")
    assert done.status == 0 and f"mnist: missing in {raw}" in done.out and "grokbench data fetch mnist" in done.out
    assert [name for name in MNIST_FILES if f"missing: {name}" in done.out] == list(MNIST_FILES[1:])
    for name in MNIST_FILES:
        (raw / name).touch()
    shown = grokbench("data", "status").out
    assert f"mnist: damaged in {raw}\n  {raw / MNIST_FILES[0]} is damaged (it is not a complete idx file)." in shown
    assert f"\ncifar10: missing in {tmp_path}\n  missing: cifar10.npz\n" in shown


def test_help_and_reading_results_import_no_torch(folder):
    code = f"""
import sys
from grokbench.cli import main
for arguments in (["--help"], ["run", "--help"], ["--version"], ["data", "status"], ["run", "no/such.yaml"],
                  ["status", {str(folder)!r}], ["leaderboard", {str(folder)!r}]):
    sys.argv = ["grokbench", *arguments]
    try:
        main()
    except SystemExit:
        pass
    assert "torch" not in sys.modules, f"{{arguments}} imports torch"
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "grokbench run hello" in done.stdout and "orthograd" in done.stdout


def test_validate_names_the_looks_that_cannot_decide(tmp_path):
    text = tiny.SUITE.replace("1000-1002", "1000-1009") + "statistics: {interim_looks: [4, 9, 10]}\n"
    done = grokbench("validate", tiny.write(tmp_path, text))
    expected = "statistics.interim_looks: with 4 seeds no p can be small enough for 1 comparison; declare later looks"
    assert done.status == 0 and expected in done.err and "sound; 2 cells, 10 seeds" in done.out
