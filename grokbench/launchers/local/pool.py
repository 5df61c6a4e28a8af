"""The pool of worker processes of this machine: a few on each CUDA device, or one single-threaded one per core.

Small matrices gain little from a second thread and lose at every barrier, so one thread per worker is faster; and the
numbers do not depend on the number of cores. A worker that is killed costs its group and nothing else.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Any

from grokbench.events import Event
from grokbench.launchers.jobs import Job, Stage, Worker
from grokbench.launchers.local.spawning import worker_settings
from grokbench.launchers.local.worker import Done, NoDevice, serve
from grokbench.records import Run

__all__ = ["launch"]


def launch(stages: Iterable[Stage], workers: Sequence[Worker]) -> Iterator[tuple[Job, Event]]:
    """Run the jobs of every stage, one stage after the other; yield every event with its job.

    A job that fails, or whose worker process dies, yields the events of its `failed`. Closing the iterator stops the
    processes.

    Args:
        stages: each with its jobs, and how many of them may run at once.
        workers: the settings of each process; a process is started when a stage first needs it.
    """
    processes: list[WorkerProcess] = []
    started = 0
    try:
        for jobs, at_once in stages:
            wanted = min(at_once, len(jobs))
            processes += [WorkerProcess(worker) for worker in workers[started:wanted]]
            started = max(started, wanted)
            yield from _work(processes, at_once, deque(jobs))
    finally:
        for process in processes:
            process.stop()


def _work(processes: list["WorkerProcess"], at_once: int, waiting: deque[Job]) -> Iterator[tuple[Job, Event]]:
    """Run one stage: a free process takes the next job; one without a device is dropped, unless it is the last."""
    while True:
        for process in processes[:at_once]:
            if not process.job and waiting:
                process.assign(waiting.popleft())
        busy = [process for process in processes if process.job]
        if not busy:
            return
        ready = wait([process.pipe for process in busy])
        for process in busy:
            if process.pipe in ready:
                yield from process.receive()
            if process.no_device and len(processes) > 1:
                processes.remove(process)
                waiting.appendleft(process.dropped())
                process.stop()
            elif process.no_device:
                yield from process.give_up()


class WorkerProcess:
    """A worker process, and the job it is running."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.job: Job | None = None
        self.received: set[int] = set()  # seeds of this job whose runs have arrived
        self._start()

    def _start(self) -> None:
        self.no_device = ""  # the reason, where its device cannot be used
        context = multiprocessing.get_context("spawn")  # CUDA and threads do not survive a fork
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, self.worker), daemon=True)
        with worker_settings():
            self.process.start()
        theirs.close()

    def assign(self, job: Job) -> None:
        """Send it a job."""
        if not self.process.is_alive():
            self._start()
        self.job, self.received = job, set()
        try:
            self.pipe.send(job)
        except OSError:  # it died between two jobs
            self._start()
            self.pipe.send(job)

    def receive(self) -> Iterator[tuple[Job, Event]]:
        """Receive its next message; yield the event it holds, or what ends the job."""
        assert self.job is not None
        try:
            message = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            message = Done(f"the worker process ended with exit code {self.process.exitcode}{_cause(self.process)}")
        if isinstance(message, NoDevice):
            self.no_device = message.why
            self._stop()
            return
        if not isinstance(message, Done):
            self.received |= {message.seed} if isinstance(message, Run) else set()
            yield self.job, message
            return
        if message.last:
            self._stop()
        yield from self._end(message.error)

    def _end(self, error: str | None) -> Iterator[tuple[Job, Event]]:
        """End the job; where it failed, yield the replicas that are lost. Runs received before are kept."""
        job = self.dropped()
        if error is not None:  # its text may be empty
            lost = (run for run in job.failed(error) if not (isinstance(run, Run) and run.seed in self.received))
            yield from ((job, run) for run in lost)

    def dropped(self) -> Job:
        """Take the job away from the process."""
        assert self.job is not None
        job, self.job = self.job, None
        return job

    def give_up(self) -> Iterator[tuple[Job, Event]]:
        """Fail the job of the only process, which has no device."""
        yield from self._end(self.no_device)

    def stop(self) -> None:
        """Stop the process and close its pipe."""
        self._stop()
        self.pipe.close()

    def _stop(self) -> None:
        """Kill the process and wait for its end; the next job starts another."""
        self.process.kill()
        self.process.join()


def _cause(process: Any) -> str:
    killed = process.exitcode == -signal.SIGKILL
    return ": it was killed, most often because the machine ran out of memory" if killed else ""
