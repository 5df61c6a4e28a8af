"""Observers: told everything once and in order, sent away when they raise, and never of any consequence."""

import json
import os

import pytest

import grokbench as public
from grokbench.engine import timing
from grokbench.events import Progress
from grokbench.launchers.local import pool
from grokbench.provenance import environment
from grokbench.records import Cell, Origin, Planned, Run
from grokbench.runner import devices
from grokbench.runner.observing import EXPECTED, AttachedObserver, Observers
from grokbench.store import Store

from .helpers import tiny
from .helpers.observer_plugins import ANGRY, FACTORIES, HEAD, HOOK, MEDDLER, SOUND, WRONG
from .helpers.recipes import RECIPE
from .helpers.tiny import grokbench


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pool, "launch", tiny.launch_here)
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)
    text = HEAD + SOUND + ANGRY + MEDDLER + WRONG + HOOK.format(names=", ".join(FACTORIES))
    tiny.write(tmp_path, text, "mine.py")
    tiny.write(tmp_path)
    return tmp_path


def run(*options, suite="tiny.yaml"):
    return grokbench("run", suite, "--out", "out", "--device", "cpu", "--plugin", "mine.py", *options)


def diary(folder):
    """What was told, without the process, nor progress, which the clock decides; the diary is gone afterwards."""
    file = folder / "diary.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    file.unlink(missing_ok=True)
    assert all(line[-1] == os.getpid() for line in lines)
    return [tuple(line[:-1]) for line in lines if line[0] != "progress"]


def replicas(told, *events):
    return [(label, seed) for event, *about in told if event in events for seed, label, _ in [about]]


EVERY = [(label, seed) for label in ("baseline", "orthograd") for seed in (1000, 1001, 1002)]


# ---- what is told


def test_observers_receive_everything_once_and_in_order(folder):
    assert run("--log", "diary").status == 0
    told = diary(folder)
    assert [told[0], *told[-2:]] == [("begin", ""), ("end", ""), ("close",)]
    assert sorted(replicas(told, "finished")) == EVERY and len(told) == len(EVERY) + 3
    assert all(curves == 4 for event, *about in told if event == "finished" for curves in about[2:])


def test_observers_receive_records(folder):
    told = {}

    def keep(event):
        return lambda *records: told.update({event: records})

    observer = public.Observer(**{event: keep(event) for event in ("begin", "progress", "finished", "end")})
    cell = Cell("task", "method", "c", RECIPE, 3, 1, {})
    planned = Planned(None, (cell,), (1,), folder)
    with Observers(
        [AttachedObserver("keeper", Origin("file", "mine.py"), folder / "mine.py", observer)], print
    ) as observers:
        assert observers.wants("progress") and not observers.wants("stored") and not observers.wants("close")
        observers.notify("begin", planned)
        observers.notify("progress", Progress(cell, (1, 2), 2, 1))
        observers.notify("stored", None)
    assert told == {"begin": (planned,), "progress": (Progress(cell, (1, 2), 2, 1),)}
    assert told["begin"][0] is not planned


def test_stored_runs_reach_observers_with_their_curves(folder):
    assert run("--log", "diary", "--regularizer", "baseline", "--num-seeds", "2").status == 0
    assert replicas(diary(folder), "finished") == EVERY[:2]
    assert run("--log", "diary").status == 0
    told = diary(folder)
    assert replicas(told, "stored") == EVERY[:2] and sorted(replicas(told, "stored", "finished")) == EVERY
    assert [event for event, *_ in told[:3]] == ["begin", "stored", "stored"]
    assert {about[2] for event, *about in told if event == "stored"} == {4}
    assert run("--log", "diary").status == 0
    assert replicas(diary(folder), "stored") == EVERY
    assert run("--log", "diary", "--rerun", "all").status == 0
    told = diary(folder)
    assert not replicas(told, "stored") and sorted(replicas(told, "finished")) == EVERY


def test_a_replica_is_told_for_each_of_the_labels_that_share_it(folder):
    tiny.write(folder, tiny.with_methods("orthograd") + "  again: {use: orthograd}\n")
    assert run("--log", "diary", "--num-seeds", "1").status == 0
    labels = ["again", "baseline", "orthograd"]
    assert sorted(replicas(diary(folder), "finished")) == [(label, 1000) for label in labels]
    assert run("--log", "diary", "--num-seeds", "1").status == 0
    assert sorted(replicas(diary(folder), "stored")) == [(label, 1000) for label in labels]


def test_a_part_is_told_of_a_part(folder):
    assert run("--log", "diary", "--regularizer", "orthograd", "--seeds", "1001").status == 0
    assert replicas(diary(folder), "stored", "finished") == [("orthograd", 1001)]


def test_several_look_on_each_with_parameters(folder):
    options = ("--log", "diary", "--log", "{diary: {file: other.jsonl, omit: finished}}")
    assert run(*options).status == 0
    assert len(diary(folder)) == 9  # begin, six replicas, end, close
    (folder / "other.jsonl").rename(folder / "diary.jsonl")
    assert [event for event, *_ in diary(folder)] == ["begin", "end", "close"]


@pytest.mark.parametrize("option", ["--dry-run", "--profile"])
def test_observers_receive_nothing_where_nothing_is_trained(folder, option):
    assert run("--log", "diary", option).status == 0
    assert diary(folder) == []


def test_workers_are_silent(folder, monkeypatch):
    """In processes of their own, which load the same plugins."""
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(devices, "environment", lambda: {**environment(), "cores": 1})  # one worker
    assert run("--log", "diary", "--regularizer", "baseline", "--num-seeds", "2").status == 0
    assert sorted(replicas(diary(folder), "finished")) == EVERY[:2]


def test_observers_from_python(folder, capsys):
    runs = public.run("tiny.yaml", device="cpu", plugins="mine.py", log="diary", num_seeds=2)
    assert len(replicas(diary(folder), "finished")) == 4
    public.run("tiny.yaml", device="cpu", plugins="mine.py", log=["diary", "angry: {at: stored}"], num_seeds=2)
    assert len(replicas(diary(folder), "stored")) == 4 and len(runs.rows()) == 4
    assert "the observer angry (file mine.py) is dropped" in capsys.readouterr().err
    with pytest.raises(public.SuiteError, match="^log diry: no observer 'diry'.*Did you mean 'diary'"):
        public.run("tiny.yaml", device="cpu", plugins="mine.py", log="diry")


# ---- of no consequence


def numbers(folder):
    """The files of all runs."""
    return {file.relative_to(folder / "out"): file.read_bytes() for file in (folder / "out" / "runs").rglob("*.json")}


def test_numbers_are_the_same_with_and_without_bit_for_bit(folder):
    assert run().status == 0
    alone = numbers(folder)
    (folder / "out").rename(folder / "alone")
    assert run("--log", "meddler", "--log", "diary", "--log", "tensorboard").status == 0
    assert numbers(folder) == alone and len(alone) == 6
    assert len(replicas(diary(folder), "finished")) == 6  # of copies of its own
    assert Store.load(folder / "out").manifest == Store.load(folder / "alone").manifest


@pytest.mark.parametrize("event", ["begin", "finished", "end", "close"])
def test_an_observer_that_raises_is_reported_once_and_left_out(folder, event):
    done = run("--log", f"angry: {{at: {event}}}", "--log", "diary")
    assert done.status == 0 and "orthograd" in done.out
    said = [line for line in done.err.splitlines() if "angry" in line]
    assert len(said) == 1 and done.err.count("boom") == 1 and "Traceback" not in done.err
    assert (
        "Warning: the observer angry (file mine.py) is dropped, and the run goes on: "
        f"{event} raised RuntimeError: boom (mine.py, line "
    ) in said[0]
    assert "else RuntimeError(error))" in said[0]
    assert len(diary(folder)) == 9


def test_an_observer_may_raise_while_it_receives_stored_runs(folder):
    assert run().status == 0
    done = run("--log", "angry: {at: stored}", "--log", "diary")
    assert done.status == 0 and done.err.count("stored raised RuntimeError: boom") == 1
    assert replicas(diary(folder), "stored") == EVERY


def test_an_observer_that_exits_ends_itself_alone(folder):
    done = run("--log", "angry: {error: exit}", "--log", "diary")
    assert done.status == 0 and "finished raised SystemExit: 3 (mine.py, line" in done.err
    assert len(diary(folder)) == 9


def test_messages_of_an_observer_do_not_steer_the_terminal(folder):
    assert "RuntimeError: a\\nb\\x1b[2J" in run("--log", '{angry: {error: "a\\nb\\u001b[2J"}}').err


def test_the_status_is_that_of_the_replicas(folder):
    tiny.write(folder, tiny.PLUGIN, "methods.py")
    tiny.write(folder, tiny.with_methods("raises"))
    done = run("--log", "angry", "--log", "diary", "--plugin", "methods.py")
    assert done.status == 1 and "3 replicas failed" in done.err
    told = diary(folder)
    assert {about[2] for event, *about in told if event == "finished" and about[1] == "raises"} == {0}
    assert [event for event, *_ in told[-2:]] == ["end", "close"]
    done = run("--log", "diary", "--plugin", "methods.py", "--fail-fast")
    assert done.status == 1
    told = diary(folder)
    assert replicas(told, "stored") == EVERY[:3] and len(replicas(told, "finished")) == 1
    assert [event for event, *_ in told[-2:]] == ["finished", "close"]  # two are left: this is not the end


def test_an_interruption_closes_and_ends_not(folder):
    done = run("--log", "diary", "--log", "angry: {error: interrupt}")
    assert done.status == 130
    told = diary(folder)
    assert len(replicas(told, "finished")) == 1 and told[-1] == ("close",) and ("end", "") not in told


# ---- what is wrong is told before anything is trained


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("diry", "--log diry: no observer 'diry', expected one of: tensorboard, diary, angry, "),
        ("diry", ". Did you mean 'diary'?"),
        ("diary: {fil: a}", "--log diary.fil: diary has no parameter 'fil'. Expected one of: file, omit. Did you mean"),
        ("diary: {file: 3}", "--log diary.file: expected text, got the number 3"),
        ("{diary: {file: 3}, angry: {fro: 1}}", "Error: --log diary.file: expected"),
        ("{diary: {file: 3}, angry: {fro: 1}}", "\n--log angry.fro: angry has no parameter 'fro'"),
        ("diary: file", f"--log diary: {EXPECTED}"),
        ("7", f"--log 7: {EXPECTED}"),
        ("[diary]", f"--log '[diary]': {EXPECTED}"),
        ("", f"--log '': {EXPECTED}"),
        ("nothing", "--log nothing: its function returned a NoneType, expected an Observer"),
        ("refuses: {size: 2}", "--log refuses: refuses (file mine.py) refuses its parameters: size must be 1, got 2"),
        ("misspelt", "(file mine.py) breaks: Observer has no field 'finish', expected one of: begin, stored, progress"),
        ("misspelt", ". Did you mean 'finished'?"),
        ("absent", "--log absent: absent (file mine.py) needs the Python module 'no_such_package', which is not "),
        ("absent", "installed here: pip install no_such_package"),
    ],
)
def test_unknown_observers_are_refused(folder, log, said):
    done = run("--log", log)
    assert done.status == 2 and said in done.err and "Traceback" not in done.err
    assert not (folder / "out").exists()


def test_a_name_and_its_parameters_may_be_left_at_that(folder):
    assert run("--log", "diary:", "--log", "diary: {}", "--dry-run").status == 0


# ---- where they are named


def test_list_show_and_help(folder):
    listed = grokbench("list", "observers", "--plugin", "mine.py").out
    assert listed.startswith("observers\n") and "tensorboard" in listed and "grokalign" not in listed
    assert "Write a line for every event" in listed
    shown = grokbench("show", "tensorboard").out
    assert shown.startswith("tensorboard (observer, built in)") and "folder: str, default ''" in shown
    assert "--log NAME" in grokbench("run", "--help").out
    assert "observers" in grokbench("doctor", "--plugin", "mine.py").out


def test_a_run_is_a_record_at_the_door():
    assert (public.Run, public.Cell, public.Planned, public.Progress) == (Run, Cell, Planned, Progress)
