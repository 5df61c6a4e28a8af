"""The decisions of the pool when its processes end, stall or are stopped at an odd moment; no process is started."""

import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from grokbench.launchers.interface import Stage
from grokbench.launchers.limits import ProgressClock, TimeLimits
from grokbench.launchers.local import pool as module
from grokbench.launchers.local.worker import Done
from grokbench.launchers.local.worker_process import Received, WorkerProcess
from grokbench.launchers.signals import PendingSignal

from .helpers.worker_jobs import cpu_workers, fake_jobs, gone, launch


class Job:
    """A training job of the cell `c`."""

    name, cells, resumable = "c, seed 1", (SimpleNamespace(identity="c"),), True

    def without_compiled_code(self, why):
        return None

    def without(self, done):
        return self

    def failed(self, error):
        yield error


class Process:
    """A process as the pool sees it, which has worked on a job of `c` for some seconds."""

    take_job = WorkerProcess.take_job

    def __init__(self, seconds):
        self.job, self.received, self.pipe, self.stop_by, self.stopped = Job(), set(), object(), None, False
        now = [0.0]
        self.clock = ProgressClock(TimeLimits(), lambda: now[0])
        self.clock.sign()
        now[0] = seconds

    def where(self):
        return ""

    def stop(self):
        self.stopped = True

    def ask_to_stop(self, within):
        self.stop_by = within


@pytest.fixture
def pool():
    found = module.Pool([], TimeLimits(cell=100.0), PendingSignal())
    found.processes = [Process(60.0), Process(60.0)]
    return found


def test_the_seconds_of_a_cell_are_those_of_all_its_groups(pool):
    list(pool._limit(pool.processes[0]))
    assert pool.processes[0].stop_by is not None


def test_the_seconds_of_an_attempt_without_progress_count(pool):
    list(pool._stalled(pool.processes[0]))
    assert pool.used["c"] == 60.0 and len(pool.waiting) == 1


def test_a_process_that_ends_its_job_while_it_is_asked_to_stop_gets_no_other(pool):
    process = pool.processes[0]
    process.stop_by = 1.0  # the signal is on its way, and would end the process during its next job
    pool.messages.put(Received(process, process.pipe, Done()))
    assert list(pool._receive()) == [] and process.stopped and process.job is None


def test_a_process_that_outlives_its_end_is_replaced(monkeypatch):
    process = object.__new__(WorkerProcess)
    process._log, process.job, restarted = -1, None, []
    process.process = SimpleNamespace(is_alive=lambda: True, kill=lambda: None)  # it waits for a driver
    process.clock, process.pipe = ProgressClock(TimeLimits()), SimpleNamespace(send=lambda job: None)
    monkeypatch.setattr(WorkerProcess, "_start", lambda self: restarted.append(self))
    process.assign(Job())
    assert restarted == [process]


def test_where_a_process_is_is_read_when_it_is_written_whole(tmp_path, monkeypatch):
    process = object.__new__(WorkerProcess)
    process._log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    process.process = SimpleNamespace(is_alive=lambda: True, pid=0)
    job = '  File "mine.py", line 3 in step\n  File "grokbench/launchers/local/worker.py", line 9 in _run\n  File "x"'
    texts = ['Thread 0x1:\n  File "threading.py", line 1 in wait\n', f"\n\nThread 0x2:\n{job}\n"]
    writers = [threading.Timer(0.01 + 0.02 * i, os.write, (process._log, t.encode())) for i, t in enumerate(texts)]
    monkeypatch.setattr(os, "kill", lambda pid, number: [each.start() for each in writers])
    try:
        assert process.where() == '  File "mine.py", line 3 in step'
    finally:
        [each.join() for each in writers]
        os.close(process._log)


@pytest.mark.parametrize("later", [0.0, 0.3])
def test_a_signal_that_the_worker_receives_too_is_no_failure(tmp_path, monkeypatch, later):
    """Slurm sends it to every process of a job, and the worker may end before this process has received it."""
    jobs, received = fake_jobs(tmp_path, monkeypatch), []
    monkeypatch.setattr(module, "TICK", 5.0)  # so that the pool still waits for a message when the worker has ended
    before = signal.signal(signal.SIGTERM, lambda *given: received.append("the signal"))

    def signal_both(pid):
        os.kill(os.getpid() if not later else pid, signal.SIGTERM)
        time.sleep(later)
        os.kill(pid if not later else os.getpid(), signal.SIGTERM)

    try:
        for _, event in launch([Stage([jobs.Hush("a")], 1)], cpu_workers()):
            received.append(event)
            if isinstance(event, int):
                threading.Timer(0.3, signal_both, (event,)).start()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert gone(received[0]) and "the signal" in received
    assert not any("failed" in event for event in received if isinstance(event, str))
