"""Workers without progress, cells that take too long, and signals while workers train."""

import errno
import os
import signal
import threading

import pytest

from grokbench.errors import GrokbenchError
from grokbench.events import NoProgress, Notice
from grokbench.launchers import limits
from grokbench.launchers.interface import Stage
from grokbench.launchers.limits import ProgressClock, TimeLimits
from grokbench.launchers.local import pool, worker_process
from grokbench.launchers.signals import deferring_signals

from .helpers.worker_jobs import cpu_workers, events, fake_jobs, gone, launch

NEVER = 1e9


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    return fake_jobs(tmp_path, monkeypatch)


def test_workers_without_progress_are_replaced_and_their_jobs_fail_at_the_last_attempt(jobs, monkeypatch):
    monkeypatch.setattr(pool, "ATTEMPTS", 2)
    stage = Stage([jobs.Sleep("asleep"), jobs.Stop("stopped"), jobs.Partial("partial"), jobs.Greet("sound")], 3)
    received = events(stage, workers=3, limits=TimeLimits(stall=1.0))
    notices = sorted(event.text for event in received if isinstance(event, Notice))
    again = "no progress for 1 s; its process was stopped, and it starts again (attempt 2 of 2)"
    assert [text.replace("for 2 s", "for 1 s") for text in notices] == [
        f"{name}: {again}" for name in ("asleep", "partial", "stopped")
    ]
    failures = sorted(event for event in received if isinstance(event, str) and "failed" in event)
    assert [text.split(" failed: no progress for ")[0] for text in failures] == ["asleep", "partial", "stopped"]
    assert "--stall-timeout" in failures[0] and "launcher_jobs.py" in failures[0] and "in run" in failures[0]
    assert {"hello from sound", "goodbye from sound"} <= set(received)
    assert all(gone(event) for event in received if isinstance(event, int))


def test_steps_are_progress(jobs):
    assert events(Stage([jobs.Slow("slow")], 1), limits=TimeLimits(stall=1.2)) == ["done"]


def test_a_cell_that_takes_too_long_fails_after_it_has_written_a_checkpoint(jobs, tmp_path):
    pid, last, failed = events(Stage([jobs.Train("a")], 1), limits=TimeLimits(cell=1.0))
    assert last == "the last event" and gone(pid)
    assert failed.startswith("a failed: stopped after the 1 s that a cell may take") and "--cell-timeout" in failed
    assert (tmp_path / "a.checkpoint").read_text(encoding="utf-8") == "written"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_takes_effect_after_the_checkpoints(jobs, tmp_path, number):
    received, before = [], signal.signal(number, lambda *given: received.append("the signal"))
    try:
        for _, event in launch(
            [Stage([jobs.Train("a"), jobs.Train("b")], 1), Stage([jobs.Greet("c")], 1)], cpu_workers()
        ):
            received.append(event)
            if isinstance(event, int):
                os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)
    pid, notice, *rest = received
    assert gone(pid) and "a second signal stops at once" in notice.text
    assert rest == ["the last event", "the signal"]
    assert [file.name for file in tmp_path.glob("*.checkpoint")] == ["a.checkpoint"]


def test_workers_that_cannot_be_started_are_one_sentence_of_status_1(jobs, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker_process, "start_process", full)
    with pytest.raises(GrokbenchError, match=r"cannot be started \(No space left on device\): free space") as error:
        events(Stage([jobs.Greet("a")], 1))
    assert error.value.exit_status == 1


def test_a_second_signal_takes_effect_at_once():
    def handler(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt), deferring_signals() as pending:
            os.kill(os.getpid(), signal.SIGINT)
            assert pending.number == signal.SIGINT
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_without_a_signal_the_handlers_are_what_they_were():
    known = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in known]
    with deferring_signals() as pending:
        assert pending.number is None
    assert [signal.getsignal(number) for number in known] == before


def test_signals_in_another_thread_are_left_alone():
    found = []

    def work():
        with deferring_signals() as pending:
            found.append(pending.number)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]


@pytest.fixture
def clock():
    class Clock(ProgressClock):
        time = 0.0

    found = Clock(TimeLimits(), lambda: Clock.time)
    found.sign()
    return found


def test_the_default_limit_follows_the_pace(clock):
    assert clock.stall_limit == limits.LEAST_STALL
    type(clock).time = 500.0
    clock.sign()
    assert clock.stall_limit == 500.0 * limits.LONGEST_GAPS
    clock.begin_job()
    assert clock.stall_limit == limits.LEAST_STALL


def test_a_process_that_starts_has_time(clock):
    assert ProgressClock(TimeLimits(stall=2.0)).stall_limit == limits.START_UP
    clock.limits = TimeLimits(stall=2.0)
    assert clock.stall_limit == 2.0 and not clock.stalled
    type(clock).time = 2.5
    assert clock.stalled


def test_time_in_which_the_program_was_stopped_does_not_count(clock):
    clock.limits = TimeLimits(stall=2.0)
    type(clock).time = 3600.0
    clock.pause(3599.0)
    assert clock.silent == clock.used == 1.0 and not clock.stalled


def test_silence_is_shown_ever_more_rarely_and_its_end_once(clock):
    shown = []
    for seconds in range(0, 600, 10):
        type(clock).time = float(seconds)
        shown.append(clock.to_show())
    assert [seconds for seconds in shown if seconds is not None] == [60.0, 120.0, 240.0, 480.0]
    clock.sign()
    assert [clock.to_show(), clock.to_show()] == [0.0, None]


def test_a_job_without_progress_is_shown(jobs, monkeypatch):
    monkeypatch.setattr(limits, "SHOWN_AFTER", 0.6)
    monkeypatch.setattr(pool, "ATTEMPTS", 1)
    received = events(Stage([jobs.Sleep("asleep")], 1), limits=TimeLimits(stall=2.5))
    assert any(isinstance(event, NoProgress) and event.seconds > 0.6 for event in received)
