"""The record of the run that works on a folder, and the commands that read it: `status`, `logs`, `cancel`."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from grokbench.events import NoProgress, Notice, Progress, Started
from grokbench.launchers.jobs import Training
from grokbench.records import Outcome
from grokbench.runner.activity import ActivityRecorder
from grokbench.store import Store, run_files
from grokbench.store.activity import Activity

from .helpers import result_folders, tiny
from .helpers.result_folders import BASELINE, FASTER, SEEDS, a_run

HERE = Started("a-host", 4711, "cpu")


@pytest.fixture
def folder(tmp_path):
    """All replicas of the baseline, and half of `faster`."""
    return result_folders.make(tmp_path / "out", {"baseline": BASELINE, "faster": FASTER[:4]})


def status(folder):
    return tiny.grokbench("status", folder).out.splitlines()


def jobs_of(store):
    """Two groups of the cell that lacks replicas."""
    cell = store.manifest.cells[1]
    return [Training(cell, group, frozenset(group)) for group in (SEEDS[4:6], SEEDS[6:])]


def test_status_shows_what_trains_where_and_what_waits(folder):
    loaded = Store.load(folder)
    with Store.open(folder, loaded.manifest) as store:
        first, second = jobs_of(store)
        with ActivityRecorder(store, [first, second], "local") as recorder:
            recorder.note(first, HERE)
            recorder.note(first, Progress(first.cell, first.seeds, 120, 2))
            recorder._write()
            lines = status(folder)
            assert "  parity / faster: 2 of 8 in training, 2 of 8 queued" in lines
            assert any(f"process {os.getpid()} on " in line and "launcher local" in line for line in lines)
            (row,) = [line.split("  ") for line in lines if line.startswith("  parity / faster, seeds")]
            assert [each.strip() for each in row if each][:3] == [
                "parity / faster, seeds 1004-1005",
                "120 of 200",
                "a-host, cpu, process 4711",
            ]
            assert "  queued: 2 replicas of 1 cell" in lines
            for seed in first.seeds:
                store.save(a_run(first.cell, seed, 60))
                recorder.note(first, a_run(first.cell, seed, 60))
            recorder._write()
            assert "  parity / faster: 2 of 8 queued" in status(folder)
        assert not (folder / "activity.json").exists()
        assert status(folder)[-1] == f"A process is writing to {folder} now."
    assert status(folder)[1:] == ["  parity / faster: 2 of 8 missing"]


def test_status_names_a_job_without_progress_until_it_goes_on(folder):
    with Store.open(folder, Store.load(folder).manifest) as store:
        job, _ = jobs_of(store)
        with ActivityRecorder(store, [job], "local") as recorder:
            for event, shown in ((HERE, False), (NoProgress(75.0), True), (NoProgress(0.0), False)):
                recorder.note(job, event)
                recorder._write()
                assert any(f"  {job.name}: no progress since " in line for line in status(folder)) is shown


def test_the_thread_writes_a_change_soon(folder, monkeypatch):
    monkeypatch.setattr("grokbench.runner.activity.LEAST_SECONDS", 0.01)
    with Store.open(folder, Store.load(folder).manifest) as store:
        job, _ = jobs_of(store)
        with ActivityRecorder(store, [job], "local") as recorder:
            recorder.note(job, HERE)
            deadline = time.monotonic() + 5
            while not store.activity.read().jobs and time.monotonic() < deadline:
                time.sleep(0.01)
            assert store.activity.read().training(job.cell.identity) == set(job.seeds)


def test_a_worker_has_one_job(folder):
    store = Store.load(folder)
    first, second = jobs_of(store)
    recorder = ActivityRecorder(store, [first, second], "local")
    recorder.note(first, HERE)
    recorder.note(second, HERE)  # without the runs of the first, which has failed
    assert list(recorder._running) == [second.name]


def test_a_record_left_by_a_killed_run_is_said_and_replaced(folder):
    store = Store.load(folder)
    store.activity.write(replace(Activity.begin("local"), host="a-host", pid=12))
    assert status(folder)[-1].startswith(f"A process is writing to {folder} now: process 12 on a-host")  # lately
    file = folder / "activity.json"
    file.write_bytes(re.sub(rb'"written":[\d.]+', b'"written":0', file.read_bytes()))
    assert status(folder)[-1].startswith("The last run, process 12 on a-host, was killed at about 1970-")
    with Store.open(folder, store.manifest):
        assert not (folder / "activity.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]\n", b'{"a": 1}\n', b'{"a"'])
def test_a_damaged_record_says_nothing(folder, content):
    (folder / "activity.json").write_bytes(content)
    assert Store.load(folder).activity.read() is None
    assert status(folder)[1:] == ["  parity / faster: 4 of 8 missing"]


def test_watching_ends_with_ctrl_c(folder, monkeypatch):
    def look(seconds):
        monkeypatch.setattr(time, "sleep", lambda again: os.kill(os.getpid(), signal.SIGINT))

    monkeypatch.setattr(time, "sleep", look)
    done = tiny.grokbench("status", folder, "--watch")
    assert done.status == 0 and done.out.count("tiny: 16 replicas planned") == 2


# ---- logs


def test_logs_print_notices_errors_and_log_files(folder, tmp_path):
    log = tmp_path / "7_0_0_log.out"
    log.write_text("one\ntwo\nthree \x1b[2J\n", encoding="utf-8")
    with Store.open(folder, Store.load(folder).manifest) as store:
        job, _ = jobs_of(store)
        store.save(replace(a_run(job.cell, 1004, None), outcome=Outcome.FAILED, error="Traceback\nValueError: no"))
        with ActivityRecorder(store, [job], "slurm") as recorder:
            recorder.note(job, HERE._replace(log=str(log)))
            recorder.note(job, Notice("it starts again"))
            recorder._write()
            lines = tiny.grokbench("logs", folder, "parity/faster", "--lines", "2").out.splitlines()
            assert tiny.grokbench("logs", folder, "parity / baseline").out.endswith("wrote nothing that was kept.\n")
    assert lines[0].endswith(": it starts again")
    assert lines[1:] == [
        *("parity / faster, seed 1004 failed:", "Traceback", "ValueError: no"),
        *(f"{log}:", "two", "three \\x1b[2J"),
    ]


def test_a_record_that_names_another_file_is_not_followed(folder, tmp_path):
    secret = tmp_path / "id_rsa"
    secret.write_text("a secret", encoding="utf-8")
    with Store.open(folder, Store.load(folder).manifest) as store:
        job, _ = jobs_of(store)
        with ActivityRecorder(store, [job], "slurm") as recorder:
            recorder.note(job, HERE._replace(log=str(secret)))
            recorder._write()
            assert "a secret" not in tiny.grokbench("logs", folder, "parity / faster").out


def test_logs_of_an_unknown_cell_are_refused(folder):
    done = tiny.grokbench("logs", folder, "parity / fastr")
    assert done.status == 2 and "plans no cell 'parity / fastr', expected a task and a regularizer" in done.err
    assert "Did you mean 'parity/faster'?" in done.err


# ---- cancel


WRITER = """
import signal, sys
from grokbench.records import Manifest
from grokbench.runner.activity import ActivityRecorder
from grokbench.store import Store
plan = Manifest("tiny", "", "baseline", (1000,), ())
signal.signal(signal.SIGTERM, lambda *given: sys.exit(7))
with Store.open(sys.argv[1], plan) as store, ActivityRecorder(store, [], "local"):
    print("ready", flush=True)
    signal.pause()
"""


def test_cancel_ends_the_process_that_writes_to_the_folder(tmp_path):
    folder = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-P", "-c", WRITER, folder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        done = tiny.grokbench("cancel", folder)
        assert process.wait(timeout=30) == 7
    assert done.status == 0 and f"Process {process.pid} was asked to stop" in done.out
    assert done.out.endswith("It has ended. The same `grokbench run` goes on from there.\n")


def test_nothing_to_cancel_is_one_sentence(folder):
    done = tiny.grokbench("cancel", folder)
    assert done.status == 2 and done.err == f"Error: No run works on {folder}, so there is nothing to cancel.\n"


def test_a_run_of_another_machine_is_not_cancelled(folder):
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.activity.write(replace(Activity.begin("local"), host="a-host", pid=12))
        done = tiny.grokbench("cancel", folder)
    assert done.status == 2 and "is process 12 on a-host: run `grokbench cancel` on that machine" in done.err


def test_a_process_that_does_not_hold_the_lock_gets_no_signal(folder, monkeypatch):
    monkeypatch.setattr(os, "kill", lambda *given: pytest.fail("a signal was sent"))
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.activity.write(replace(Activity.begin("local"), pid=os.getppid()))
        done = tiny.grokbench("cancel", folder)
    assert (
        done.status == 2 and f"Process {os.getppid()}, which the record in {folder} names, cannot be seen" in done.err
    )


# ---- files that are read


@pytest.fixture
def opened(monkeypatch):
    """The files of replicas that were opened."""
    names, real = [], run_files.open_file
    monkeypatch.setattr(run_files, "open_file", lambda path: names.append(path) or real(path))
    return names


def test_status_and_leaderboard_open_every_replica_once(folder, opened):
    for command in (("status",), ("leaderboard", "--format", "json")):
        opened.clear()
        tiny.grokbench(command[0], folder, *command[1:])
        assert len(opened) == len(set(opened)) == 12, command


def test_a_resume_check_opens_every_replica_once(tmp_path, opened, monkeypatch):
    folder = tiny.trained_here(tmp_path, tiny.SUITE)
    monkeypatch.setattr("grokbench.runner.pipeline._timings", lambda *given: [])
    for options, times in ((["--dry-run"], 1), ([], 3)):  # opened twice to be written: merged, then worked on
        opened.clear()
        assert tiny.run(tmp_path / "tiny.yaml", folder, *options).status == 0
        assert max(map(opened.count, opened)) <= times and len(set(opened)) == 6
