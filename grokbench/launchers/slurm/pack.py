"""The work of one Slurm job: some groups of replicas, trained by the pool of `local` within the allocation.

The pool runs in a thread, because the main thread handles Slurm's signals: SIGTERM at a preemption or the end of the
job, and submitit's signal some time before its limit, after which submitit requeues the job.
"""

import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grokbench.errors import GrokbenchError
from grokbench.events import Event, Notice, Progress
from grokbench.launchers.agreement import Agreement, check, refusal, versions
from grokbench.launchers.interface import Job, Stage, Worker
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.local.pool import Pool
from grokbench.launchers.signals import PendingSignal
from grokbench.provenance import device_name, environment
from grokbench.records import Outcome
from grokbench.store.inbox import Inbox, JobState
from grokbench.store.layout import Layout
from grokbench.store.run_files import read_head

__all__ = ["Pack", "Work", "key"]

REPORTED = 1.0  # least seconds between two reports of progress


def key(job: Job) -> str:
    """Return the name under which the jobs and the command know a group: equal jobs have equal keys."""
    return f"{','.join(cell.identity for cell in job.cells)}: {job.name}"


@dataclass(frozen=True)
class Work:
    """The groups of a Slurm job.

    Attributes:
        jobs: the groups.
        workers: the settings of each worker in the allocation.
        limits: the time limits of jobs.
        agreement: the comparison that precedes the first group.
    """

    jobs: Sequence[Job]
    workers: Sequence[Worker]
    limits: TimeLimits
    agreement: Agreement


@dataclass
class Pack:
    """A Slurm job, which submitit calls on the node.

    Attributes:
        directory: the results folder.
        array: the name of the job's array.
        number: the number of the job in its array.
        expected: the versions of the command, compared before anything else is read.
        content: the pickled `Work`.
    """

    directory: str
    array: str
    number: int
    expected: Mapping[str, str]
    content: bytes

    def __call__(self) -> None:
        """Do the work that is left; after SIGTERM, end with checkpoints.

        Raises:
            SystemExit: the work was stopped.
        """
        self._signalled = PendingSignal()
        signal.signal(signal.SIGTERM, self._stop)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        while self._thread.is_alive():
            self._thread.join(1.0)
        if self._signalled.number is not None:
            raise SystemExit(128 + self._signalled.number)

    def checkpoint(self) -> Any:
        """Stop with checkpoints, and return the job that goes on from there; submitit requeues it."""
        from submitit.helpers import DelayedSubmission

        self._stop(signal.SIGTERM, None)
        self._thread.join()
        return DelayedSubmission(Pack(self.directory, self.array, self.number, self.expected, self.content))

    def _stop(self, number: int, frame: object) -> None:
        self._signalled.number = number

    def _run(self) -> None:
        reporter = _Reporter(Inbox(Path(self.directory)), self.array, self.number)
        try:
            check(self.expected, versions())
            work: Work = pickle.loads(self.content)
            self._train(work, reporter)
        except Exception as error:  # another version, a broken plugin, a full disk
            reporter.refuse(refusal(str(error)))

    def _train(self, work: Work, reporter: "_Reporter") -> None:
        here = environment()
        workers = [
            replace(worker, provenance={**worker.provenance, **here, "device_name": device_name(worker.device)})
            for worker in work.workers
        ]
        pool = Pool(workers, work.limits, self._signalled)
        try:
            checked = pool.work(Stage([work.agreement], 1))
            refusals = [event.text for _, event in checked if isinstance(event, Notice)]
            if refusals:
                return reporter.refuse("; ".join(refusals))
            for job, event in pool.work(Stage(list(_left(work.jobs, Path(self.directory))), len(workers))):
                reporter.take(job, event)
        finally:
            pool.stop()
        if self._signalled.number is None:
            reporter.end()


def _left(jobs: Sequence[Job], directory: Path) -> Iterator[Job]:
    """Yield what is left of jobs; an earlier start of this Slurm job may have finished some of their replicas."""
    layouts = (Layout(directory), Layout(Layout(directory).inbox))
    for job in jobs:
        identity = job.cells[0].identity
        done = {
            seed for seed in getattr(job, "missing", ()) if any(_finished(each, identity, seed) for each in layouts)
        }
        if left := job.without(done):
            yield left


def _finished(layout: Layout, identity: str, seed: int) -> bool:
    try:
        return read_head(layout.run(identity, seed)).outcome is not Outcome.FAILED
    except (OSError, ValueError, GrokbenchError):
        return False


class _Reporter:
    """The report of a job, written again as it changes, and the results that it has put into the inbox."""

    def __init__(self, inbox: Inbox, array: str, number: int) -> None:
        self._inbox, self._array, self._number = inbox, array, number
        task = os.environ.get("SLURM_ARRAY_TASK_ID")
        job = os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ.get("SLURM_JOB_ID") or ""
        self._state = JobState(socket.gethostname(), f"{job}_{task}" if task else job)
        self._written = 0.0
        self._write()

    def take(self, job: Job, event: Event) -> None:
        """Put a result into the inbox; report progress and notices."""
        if isinstance(event, Progress):
            progress = {**self._state.progress, key(job): (event.epoch, event.active)}
            self._state = replace(self._state, progress=progress)
            if time.monotonic() - self._written > REPORTED:
                self._write()
        elif isinstance(event, Notice):
            self._state = replace(self._state, notices=(*self._state.notices, (key(job), event.text)))
            self._write()
        else:
            self._inbox.put(event)

    def refuse(self, why: str) -> None:
        """Report that the job does no work."""
        self._state = replace(self._state, refused=why)
        self._write()

    def end(self) -> None:
        """Report that all work is done."""
        self._state = replace(self._state, ended=True)
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        self._inbox.put_state(self._array, self._number, self._state)
