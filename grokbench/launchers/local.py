"""Jobs in worker processes of this machine: a few on each CUDA device, or one single-threaded worker per core.

Small matrices gain little from a second thread and lose at every barrier, so a core to itself is the faster way; and
with one thread the numbers do not depend on how many cores there are. Workers are processes of their own, so a worker
that is killed costs its group and nothing else.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Any

from grokbench.events import Event
from grokbench.jobs import Job, Stage, Worker
from grokbench.launchers.inheritance import inheritance
from grokbench.launchers.worker import Done, Unfit, serve
from grokbench.records import Run

__all__ = ["launch"]


def launch(stages: Iterable[Stage], workers: Sequence[Worker]) -> Iterator[tuple[Job, Event]]:
    """Do the jobs of every stage, in order, on as many workers as it allows; yield every event with its job.

    A job that fails, or whose worker dies, yields what its `failed` says. Closing the iterator ends the workers.
    """
    crew: list[_Employee] = []
    hired = 0
    try:
        for jobs, at_once in stages:
            wanted = min(at_once, len(jobs))
            crew += [_Employee(worker) for worker in workers[hired:wanted]]
            hired = max(hired, wanted)
            yield from _work(crew, at_once, deque(jobs))
    finally:
        for employee in crew:
            employee.dismiss()


def _work(crew: list["_Employee"], at_once: int, waiting: deque[Job]) -> Iterator[tuple[Job, Event]]:
    """One stage: whoever is free takes the next job; who has no device to work on leaves the crew, but for the last."""
    while True:
        for employee in crew[:at_once]:
            if not employee.job and waiting:
                employee.assign(waiting.popleft())
        busy = [employee for employee in crew if employee.job]
        if not busy:
            return
        heard = wait([employee.pipe for employee in busy])
        for employee in busy:
            if employee.pipe in heard:
                yield from employee.listen()
            if employee.unfit and len(crew) > 1:
                crew.remove(employee)
                waiting.appendleft(employee.dropped())
                employee.dismiss()
            elif employee.unfit:
                yield from employee.give_up()


class _Employee:
    """A worker process, and the job it is doing."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.job: Job | None = None
        self.told: set[int] = set()  # seeds of this job whose runs have come
        self._hire()

    def _hire(self) -> None:
        self.unfit = ""  # why
        context = multiprocessing.get_context("spawn")  # CUDA and threads do not survive a fork
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, self.worker), daemon=True)
        with inheritance():
            self.process.start()
        theirs.close()

    def assign(self, job: Job) -> None:
        """Give it a job."""
        if not self.process.is_alive():
            self._hire()
        self.job, self.told = job, set()
        try:
            self.pipe.send(job)
        except OSError:  # it died between two jobs
            self._hire()
            self.pipe.send(job)

    def listen(self) -> Iterator[tuple[Job, Event]]:
        """The next thing it says."""
        assert self.job is not None
        try:
            message = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            message = Done(f"the worker process ended with exit code {self.process.exitcode}{_cause(self.process)}")
        if isinstance(message, Unfit):
            self.unfit = message.why
            self._bury()
            return
        if not isinstance(message, Done):
            self.told |= {message.seed} if isinstance(message, Run) else set()
            yield self.job, message
            return
        if message.last:
            self._bury()
        yield from self._end(message.error)

    def _end(self, error: str | None) -> Iterator[tuple[Job, Event]]:
        """What a job that failed comes to: what was done before is kept."""
        job = self.dropped()
        if error:
            lost = (run for run in job.failed(error) if not (isinstance(run, Run) and run.seed in self.told))
            yield from ((job, run) for run in lost)

    def dropped(self) -> Job:
        """The job, which is no longer its own."""
        assert self.job is not None
        job, self.job = self.job, None
        return job

    def give_up(self) -> Iterator[tuple[Job, Event]]:
        """The job of a worker that is unfit and the only one."""
        yield from self._end(self.unfit)

    def dismiss(self) -> None:
        """End the process."""
        self._bury()
        self.pipe.close()

    def _bury(self) -> None:
        """Wait until the process has ended: another one is hired for the next job."""
        self.process.kill()
        self.process.join()


def _cause(process: Any) -> str:
    killed = process.exitcode == -signal.SIGKILL
    return ": it was killed, most often because the machine ran out of memory" if killed else ""
