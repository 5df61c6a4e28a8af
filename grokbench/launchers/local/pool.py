"""A pool of worker processes on this machine: some for each CUDA device, or one single-threaded one for each core.

Small matrices gain little from a second thread and lose time at every barrier, so one thread per worker is faster. With
one thread, the numbers also do not depend on the number of cores. When a worker is killed, only its group is lost.
"""

import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Any

from grokbench.events import Event
from grokbench.launchers.jobs import Job, Stage, Worker
from grokbench.launchers.local.spawning import start_process
from grokbench.launchers.local.worker import Done, NoDevice, serve
from grokbench.records import Run

__all__ = ["launch"]


def launch(stages: Iterable[Stage], workers: Sequence[Worker]) -> Iterator[tuple[Job, Event]]:
    """Run the jobs of every stage, one stage after the other.

    Args:
        stages: each stage has its jobs and the number that may run at once. A stage is requested when the previous
            stage has ended.
        workers: the settings of each process. A process starts when a stage first needs it.

    Yields:
        Every event with its job. A job that fails, or whose process dies, yields the events of its `failed`. Closing
        the iterator stops the processes.
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
    """Run one stage: idle processes get the next jobs. A process whose device fails is dropped, except the last."""
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
                waiting.appendleft(process.take_job())
                process.stop()
            elif process.no_device:
                yield from process.fail_job()


class WorkerProcess:
    """A worker process, and the job it is running."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.job: Job | None = None
        self.received: set[int] = set()  # seeds of this job whose runs were received
        self._start()

    def _start(self) -> None:
        self.no_device = ""  # why its device cannot be used; empty if it can
        self.process, self.pipe = start_process(serve, self.worker)

    def assign(self, job: Job) -> None:
        """Send a job to the process, which is started again if it has ended."""
        if not self.process.is_alive():
            self._start()
        self.job, self.received = job, set()
        try:
            self.pipe.send(job)
        except OSError:  # the process ended after the check
            self._start()
            self.pipe.send(job)

    def receive(self) -> Iterator[tuple[Job, Event]]:
        """Receive the next message; yield its event, or at the end of the job the replicas that are lost."""
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
        """End the job. If it failed, yield a failure for each of its replicas whose run has not been received."""
        job = self.take_job()
        if error is not None:  # its text may be empty
            lost = (run for run in job.failed(error) if not (isinstance(run, Run) and run.seed in self.received))
            yield from ((job, run) for run in lost)

    def take_job(self) -> Job:
        """Return the job, and leave the process without one."""
        assert self.job is not None
        job, self.job = self.job, None
        return job

    def fail_job(self) -> Iterator[tuple[Job, Event]]:
        """Fail the job because no device can be used."""
        yield from self._end(self.no_device)

    def stop(self) -> None:
        """Stop the process and close its pipe."""
        self._stop()
        self.pipe.close()

    def _stop(self) -> None:
        """Kill the process and wait until it has ended; the next job starts a new one."""
        self.process.kill()
        self.process.join()


def _cause(process: Any) -> str:
    killed = process.exitcode == -signal.SIGKILL
    return ": it was killed, most often because the machine ran out of memory" if killed else ""
