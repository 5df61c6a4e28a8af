"""GrokBench from Python: what a script or a notebook gets, and what it is told when it asks for something wrong."""

import inspect
import io
import subprocess
import sys
from dataclasses import fields, replace

import pytest

import grokbench
from grokbench.records import Curve, Manifest, Outcome, Run, Skip
from grokbench.runner.progress import PlainDisplay
from grokbench.runner.request import Request
from grokbench.store import Store

from .helpers import tiny
from .helpers.result_folders import BASELINE, FASTER, HERE, SEEDS, a_cell, make

SCRIPT = """\
import threading

import grokbench

print("begun")  # once: the workers leave this file alone


def train():
    global runs
    runs = grokbench.run("tiny.yaml", out="out", device="cpu", num_seeds=2, regularizers="baseline", group_size=2)


thread = threading.Thread(target=train)
thread.start()
thread.join()
print(runs)
"""


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "runs")


def with_curves(tmp_path):
    """One seed of two, with a curve."""
    cell = a_cell("baseline")
    curves = {"test_accuracy": Curve((0, 50, 100), (0.5, 0.75, 1.0))}
    run = Run(cell.identity, 1000, Outcome.GROKKED, 100, 10, 100, {"test_accuracy": 1.0}, curves)
    skipped = (Skip("parity", "sam", "too slow"),)
    with Store.open(tmp_path / "two", Manifest("tiny", "", "baseline", (1000, 1001), (cell,), skipped)) as store:
        store.save(run)
    return grokbench.load_runs(tmp_path / "two")


def test_runs_say_what_they_are_and_how_much_is_there(folder):
    runs = grokbench.load_runs(folder)
    assert repr(runs) == f"<Runs of tiny in {folder}: 3 cells x 8 seeds; 22 grokked, 2 censored>"
    assert (runs.suite, runs.folder, runs.seeds, runs.tasks) == ("tiny", folder, SEEDS, ("parity",))
    assert runs.regularizers == ("baseline", "faster", "slower") and len(runs.cells) == 3
    file = next((folder / "runs" / "cfaster").iterdir())
    file.unlink()
    assert repr(runs).endswith("21 grokked, 2 censored, 1 missing>")  # read when asked for


def test_a_cell_gives_its_runs_as_plain_numbers(folder, tmp_path):
    runs = grokbench.load_runs(folder)
    assert [run.grokked_at for run in runs.of("parity", "faster")] == FASTER
    assert [run.outcome for run in runs.of("parity", "slower")].count("censored") == 2
    (run,) = with_curves(tmp_path).of("parity", "baseline")
    assert run.seed == 1000 and run.curves["test_accuracy"].values == (0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("partiy", "baseline"), "plans no task 'partiy', expected one of: parity. Did you mean 'parity'?"),
        (("parity", "basline"), "plans no regularizer 'basline', expected one of: baseline. Did you mean 'baseline'?"),
        (("parity", "sam"), "leaves out parity / sam: too slow"),
    ],
)
def test_a_cell_that_is_not_there(tmp_path, labels, said):
    runs = with_curves(tmp_path)
    with pytest.raises(grokbench.StoreError) as error:
        runs.of(*labels)
    assert str(error.value) == f"{runs.folder} {said}"


def test_a_cell_that_an_edited_plan_lacks(tmp_path):
    cells = (a_cell("baseline"), replace(a_cell("sam"), task="xor"))
    with Store.open(tmp_path / "odd", Manifest("tiny", "", "baseline", (1000,), cells)):
        pass
    with pytest.raises(grokbench.StoreError, match="plans parity and sam, but not this regularizer on this task"):
        grokbench.load_runs(tmp_path / "odd").of("parity", "sam")


CROSSINGS = ("lasting", "watched", "below", "lost", "strict", "not_finite_at")  # of a run that is older than its record


def test_rows_are_one_per_planned_replica_with_the_same_keys(tmp_path):
    there, missing = with_curves(tmp_path).rows()
    common = {"task": "parity", "regularizer": "baseline", "budget": 200, "evaluate_every": 2}
    # the run does not say where it was made
    common |= dict.fromkeys([*HERE, "seconds_per_epoch", "commit", "error", *CROSSINGS])
    numbers = {"grokked_at": 100, "memorised_at": 10, "epochs": 100, "final_test_accuracy": 1.0}
    numbers |= {"time": 100.0, "event": True, "prepare_seconds": 0.0}
    assert there == common | {"seed": 1000, "outcome": "grokked"} | numbers
    assert missing == common | {"seed": 1001, "outcome": "missing"} | dict.fromkeys(numbers)
    assert list(there) == list(missing) and type(there["outcome"]) is str


def test_curves_are_one_row_per_evaluation(tmp_path):
    runs = with_curves(tmp_path)
    names = {"task": "parity", "regularizer": "baseline", "seed": 1000, "metric": "test_accuracy"}
    assert list(runs.curves("test_accuracy")) == [
        names | {"epoch": epoch, "value": value} for epoch, value in ((0, 0.5), (50, 0.75), (100, 1.0))
    ]
    with pytest.raises(grokbench.StoreError, match="records no metric 'tset_accuracy', expected one of: test_accuracy"):
        runs.curves("tset_accuracy")


def test_a_folder_that_is_not_there(tmp_path):
    for ask in (grokbench.load_runs, grokbench.leaderboard):
        with pytest.raises(grokbench.StoreError, match="nothing is not a results folder"):
            ask(tmp_path / "nothing")


def test_the_leaderboard_of_runs_or_a_folder_is_what_the_command_prints(folder):
    board = grokbench.leaderboard(grokbench.load_runs(folder))
    assert isinstance(board, grokbench.Leaderboard)
    assert board == grokbench.leaderboard(str(folder)) == grokbench.leaderboard(folder)
    assert f"{board}\n" == tiny.grokbench("leaderboard", folder).out
    assert repr(board) == str(board)
    assert [row.regularizer for row in board.rows] == ["baseline", "faster", "slower"]
    assert board.rows[1].epochs_mean == sum(FASTER) / len(FASTER) and sum(BASELINE) / 8 == board.rows[0].epochs_mean


def test_rich_prints_it_as_wide_as_its_console(folder):
    from rich.console import Console

    board, out = grokbench.leaderboard(folder), io.StringIO()
    Console(file=out, width=80).print(board)
    assert "every method against baseline" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_damaged_files_are_warned_of(folder):
    file = next((folder / "runs" / "cfaster").iterdir())
    file.write_text("{")
    with pytest.warns(UserWarning, match=f"{file.name} is damaged and counts as missing") as told:
        board = grokbench.leaderboard(folder)
    assert told[0].filename == __file__  # who asked, not the program
    assert board.rows[1].grokked == 7


@pytest.fixture
def trained_here(tmp_path, monkeypatch):
    """No worker processes; a suite in the folder we are in."""
    monkeypatch.setattr("grokbench.launchers.local.pool.launch", tiny.launch_here)
    monkeypatch.chdir(tmp_path)
    tiny.write(tmp_path)
    return tmp_path


def test_run_takes_what_the_command_takes():
    keywords = list(inspect.signature(grokbench.run).parameters)
    own = [field.name for field in fields(Request) if field.name != "timing"]  # which `grokbench tune` turns off
    assert keywords == own + ["fail_fast"]


def test_run_trains_what_is_missing_and_returns_the_runs(trained_here, capsys):
    tiny.write(trained_here, tiny.with_methods("steady"))
    plugin = tiny.write(trained_here, tiny.PLUGIN, "mine.py")
    chosen = {"device": "cpu", "plugins": plugin, "seeds": (7, 5), "tasks": ["parity"]}
    runs = grokbench.run("tiny.yaml", **chosen)
    assert repr(runs) == "<Runs of tiny in runs/tiny: 2 cells x 2 seeds; 4 censored>"
    assert runs.seeds == (7, 5) and [run.seed for run in runs.of("parity", "steady")] == [7, 5]
    assert "2 cells x 2 seeds: 0/4 replicas done" in capsys.readouterr().err
    written = {file: file.stat().st_mtime_ns for file in (trained_here / "runs" / "tiny" / "runs").rglob("*.json")}
    assert repr(grokbench.run("tiny.yaml", **chosen)) == repr(runs)
    assert {file: file.stat().st_mtime_ns for file in written} == written and len(written) == 4


def test_a_replica_that_fails_raises_nothing_and_keeps_its_traceback(trained_here):
    tiny.write(trained_here, tiny.with_methods("raises"))
    plugin, broken = (
        tiny.write(trained_here, tiny.PLUGIN, "mine.py"),
        tiny.write(trained_here, "1 / 0\n", "broken.py"),
    )
    with pytest.warns(UserWarning, match="broken.py is left out: ZeroDivisionError") as told:
        runs = grokbench.run("tiny.yaml", device="cpu", num_seeds=2, plugins=[plugin, broken], fail_fast=True)
    assert told[0].filename == __file__
    assert "1 failed" in repr(runs)  # fail_fast: the other was not waited for
    assert "boom in training" in runs.of("parity", "raises")[0].error


SEEDS_EXPECTED = (
    "expected a list of whole numbers or a string such as '0-4,7'. To train only the first n seeds, use num_seeds=n."
)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"precision": "float23"}, "precision='float23': expected one of: float32, float64. Did you mean 'float32'?"),
        ({"rerun": "everything"}, "rerun='everything': expected one of: failed, stale, all"),
        ({"group_size": 1}, "group_size=1: expected a whole number of at least 2"),
        ({"group_size": 2.5}, "group_size=2.5: expected a whole number of at least 2"),
        ({"num_seeds": "2"}, "num_seeds='2': expected a whole number of at least 1"),
        ({"num_seeds": 1.5}, "num_seeds=1.5: expected a whole number of at least 1"),
        ({"num_seeds": True}, "num_seeds=True: expected a whole number of at least 1"),
        ({"checkpoint_seconds": True}, "checkpoint_seconds=True: expected a number of at least 0"),
        ({"checkpoint_seconds": None}, "checkpoint_seconds=None: expected a number of at least 0"),
        ({"stall_timeout": 0.5}, "stall_timeout=0.5: expected a number of at least 1"),
        ({"cell_timeout": "2h"}, "cell_timeout='2h': expected a number of at least 1"),
        ({"checkpoint_seconds": float("nan")}, "checkpoint_seconds=nan: expected a number of at least 0"),
        ({"seeds": 5}, f"seeds=5: {SEEDS_EXPECTED}"),
        ({"seeds": [0.5]}, f"seeds=[0.5]: {SEEDS_EXPECTED}"),
        ({"tasks": "partiy"}, "tasks='partiy': the suite has no such task, expected one of: parity"),
        ({"plugins": "none.py"}, "plugins='none.py': no such file"),
    ],
)
def test_a_run_that_cannot_start_is_one_sentence(trained_here, asked, said):
    with pytest.raises(grokbench.SuiteError) as error:
        grokbench.run("tiny.yaml", **asked)
    assert str(error.value).startswith(said) and "\n" not in str(error.value)
    assert not (trained_here / "runs").exists()


def test_a_plugin_file_that_is_not_named_is_pointed_to_in_the_words_of_python(trained_here):
    tiny.write(trained_here, tiny.PLUGIN, "steady.py")
    with pytest.raises(grokbench.SuiteError) as error:
        grokbench.run("tiny.yaml", methods="steady")
    assert str(error.value).startswith("methods: regularizers.steady: no regularizer 'steady', expected one of: ")
    assert str(error.value).endswith("steady.py is in this folder: add plugins='steady.py'")


def test_an_interrupted_run_leaves_no_worker_although_a_notebook_keeps_its_frames(trained_here, monkeypatch):
    ended = []

    def interrupted(stages, workers, limits):
        try:
            yield from tiny.launch_here(stages, workers)
        finally:
            ended.append("workers")

    def stop(*told):
        raise KeyboardInterrupt

    monkeypatch.setattr("grokbench.launchers.local.pool.launch", interrupted)
    monkeypatch.setattr(PlainDisplay, "finished", stop)
    with pytest.raises(KeyboardInterrupt) as kept:
        grokbench.run("tiny.yaml", device="cpu")
    assert kept.tb is not None and ended == ["workers"]
    assert "of tiny in" in repr(grokbench.load_runs("runs/tiny"))


def test_a_script_without_a_guard_may_run_a_suite_in_a_thread(tmp_path):
    tiny.write(tmp_path)
    script = tiny.write(tmp_path, SCRIPT, "script.py")
    done = subprocess.run(
        [sys.executable, "-P", script],
        cwd=tmp_path,
        preexec_fn=tiny.one_core,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["begun", "<Runs of tiny in out: 2 cells x 2 seeds; 2 censored, 2 missing>"]
    assert "Traceback" not in done.stderr


def test_looking_at_runs_imports_no_torch(folder):
    code = f"""
import sys, grokbench
from grokbench.store import manifests
manifests.recipe_fault = lambda cell: ""  # of cells made by hand
assert set(grokbench.__all__) <= set(dir(grokbench))
runs = grokbench.load_runs({str(folder)!r})
runs.rows(), list(runs.curves("test_accuracy")), runs.of("parity", "faster")
grokbench.leaderboard(runs)._repr_html_()
assert not {{"torch", "torchvision", "pandas"}} & set(sys.modules)
assert callable(grokbench.leaderboard) and callable(grokbench.run)
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
