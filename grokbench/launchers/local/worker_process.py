"""A worker process from the parent's side: its job, its messages, its last sign of progress, and its end."""

import os
import re
import signal
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from grokbench.errors import GrokbenchError
from grokbench.launchers.interface import Job, Worker
from grokbench.launchers.limits import ProgressClock, TimeLimits
from grokbench.launchers.local.spawning import start_process
from grokbench.launchers.local.worker import serve

__all__ = ["Ended", "Received", "WorkerProcess"]

REAPED = 5.0  # seconds to wait for a killed process, which may never end if it waits for a broken disk or driver
DUMPED = 0.5  # seconds to wait until a process has written its stack frames; a stopped process writes nothing
LOG_BYTES = 2**18  # most bytes of the log that are read
FRAMES = 12  # most frames that an error quotes
BELOW_JOB = re.compile(r'^  File ".*[\\/]local[\\/]worker\.py", line \d+ in _run$', re.M)  # the frame of `_run`


class NoWorkerError(GrokbenchError):
    """No process can be started; what was finished is saved."""

    exit_status = 1


class Ended(NamedTuple):
    """The last message of a process: its pipe is closed, or cannot be read."""


class Received(NamedTuple):
    """A message and its sender.

    Attributes:
        process: the process that sent the message.
        pipe: the pipe through which it came; a restarted process has a new pipe.
        message: an event, a message of `worker`, or `Ended`.
    """

    process: "WorkerProcess"
    pipe: Connection
    message: Any


class WorkerProcess:
    """A worker process, and the job it is running.

    A thread reads the messages of the process, so a process that stops in the middle of a message blocks only this
    thread.

    Attributes:
        worker: the settings of the process.
        job: its job; None if it is idle.
        received: seeds of this job whose runs were received.
        clock: the clock of its progress.
        stop_by: the time at which a process that was asked to stop is killed; None if it was not asked.
    """

    def __init__(self, worker: Worker, messages: "SimpleQueue[Received]", limits: TimeLimits) -> None:
        """Start the process.

        Args:
            worker: the settings of the process.
            messages: receives every message of the process.
            limits: the time limits of its jobs.
        """
        self.worker, self._messages, self._limits = worker, messages, limits
        self.job: Job | None = None
        self.received: set[int] = set()
        self._start()

    def _start(self) -> None:
        self.stop_by: float | None = None
        self._looks_dead = 0
        self.clock = ProgressClock(self._limits)
        try:
            self._log, path = tempfile.mkstemp(prefix="grokbench-", suffix=".log")
            self._log_path = Path(path)
            self.process, self.pipe = start_process(serve, (self.worker, path))
        except OSError as error:
            raise NoWorkerError(
                f"A worker process cannot be started ({error.strerror or error}): free space in the folder of "
                "temporary files ($TMPDIR) or end other processes, and run the same command again."
            ) from error
        threading.Thread(target=self._read, args=(self.pipe, self.clock), daemon=True).start()

    def _read(self, pipe: Connection, clock: ProgressClock) -> None:
        """Forward the messages of a process until its pipe ends; runs in a thread."""
        with suppress(Exception), pipe:  # the pipe ended, or sent bytes that are no message
            while True:
                message = pipe.recv()
                clock.sign()
                self._messages.put(Received(self, pipe, message))
        self._messages.put(Received(self, pipe, Ended()))

    def assign(self, job: Job) -> None:
        """Send a job to the process, which is started again if it has ended or was stopped."""
        if self._log < 0 or not self.process.is_alive():  # a stopped one may wait for a driver and stay alive
            self.restart()
        self.job, self.received = job, set()
        self.clock.begin_job()
        try:
            self.pipe.send(job)
        except (OSError, TypeError):  # the process ended after the check; TypeError: its pipe is being closed
            self.restart()
            self.pipe.send(job)

    def acknowledge(self) -> None:
        """Notify the process that its run has been stored."""
        with suppress(OSError, TypeError):  # the process has ended
            self.pipe.send(True)

    def take_job(self) -> Job:
        """Return the job, and leave the process without one."""
        assert self.job is not None
        job, self.job = self.job, None
        return job

    def ask_to_stop(self, within: float) -> None:
        """Ask the process to write a checkpoint and to end within `within` seconds; set `stop_by` to that time."""
        self.stop_by = time.monotonic() + within
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGTERM)

    def where(self) -> str:
        """Make the process write its stack frames, and return them; empty if it writes none."""
        if hasattr(signal, "SIGUSR1") and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGUSR1)
            deadline, size, before = time.monotonic() + DUMPED, 0, 0
            while (not size or size != before) and time.monotonic() < deadline:  # the job's thread is written last
                time.sleep(0.02)
                before, size = size, os.fstat(self._log).st_size
        return self.log()

    def log(self) -> str:
        """Return the job's stack frames that the process has written, at a fatal error or on request.

        The innermost frame is first, and at most FRAMES frames are given. The text is empty if none were written.
        """
        text = os.pread(self._log, LOG_BYTES, 0).decode(errors="replace") if self._log >= 0 else ""
        for thread in text.split("\n\n"):
            if found := BELOW_JOB.search(thread):
                frames = [line for line in thread[: found.start()].splitlines() if line.startswith("  File ")]
                return "\n".join(frames[:FRAMES])
        return ""

    def has_vanished(self) -> bool:
        """Return whether the process was dead at this call and at the previous one, although its pipe is still open.

        A child of the process may keep the pipe open. Between the two calls, all messages that the process sent before
        its end have arrived.
        """
        self._looks_dead = 0 if self.process.is_alive() else self._looks_dead + 1
        return self._looks_dead > 1

    def exit_code(self) -> int | None:
        """Wait a moment for the process to end, and return its exit code; None if it has not ended."""
        deadline = time.monotonic() + 1.0
        while self.process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        return None if self.process.is_alive() else self.process.exitcode

    def restart(self) -> None:
        """Replace the process by a new one."""
        self.stop()
        self._start()

    def kill(self) -> None:
        """Kill the process, without waiting for its end."""
        self.process.kill()

    def stop(self) -> None:
        """Kill the process, wait until it has ended, and release its log; the thread that reads it closes the pipe."""
        if self._log < 0:  # it was stopped before
            return
        self.kill()
        deadline = time.monotonic() + REAPED
        while self.process.is_alive() and time.monotonic() < deadline:  # `join` would also wait for the children
            time.sleep(0.002)
        os.close(self._log)
        self._log = -1
        self._log_path.unlink(missing_ok=True)
