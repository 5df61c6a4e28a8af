"""The record of a run's activity, kept up to date while its jobs send events; `grokbench status` reads the record."""

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Any, Self

from grokbench.errors import StoreError
from grokbench.events import Event, NoProgress, Notice, Progress, Started
from grokbench.launchers.interface import Job
from grokbench.launchers.jobs import Training
from grokbench.records import Run
from grokbench.store import Store
from grokbench.store.activity import Activity, RunningJob, begun

__all__ = ["ActivityRecorder"]

LEAST_SECONDS = 1.0  # seconds after which a change is written
MOST_SECONDS = 5.0  # seconds after which the record is written again, so that readers know that the run works


class ActivityRecorder(AbstractContextManager["ActivityRecorder"]):
    """The recorder of a run. A thread writes the record, since minutes may pass between two events."""

    def __init__(self, store: Store, work: Sequence[Job], launcher: str) -> None:
        """Record that all jobs wait.

        Args:
            store: the results folder, open for writing.
            work: the jobs that train.
            launcher: the name of the launcher.
        """
        self._store, self._activity = store, Activity.begin(launcher)
        self._queued = {job.name: job for job in work if isinstance(job, Training)}
        self._running: dict[str, RunningJob] = {}
        self._changed, self._written, self._lock = False, time.monotonic(), threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, daemon=True)

    def __enter__(self) -> Self:
        """Write the record, and start the thread."""
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the thread, and delete the record."""
        self._ended.set()
        self._thread.join()
        with suppress(StoreError):  # such as a folder that was removed: the run reports it
            self._store.activity.clear()

    def note(self, job: Job, event: Event) -> None:
        """Record an event of a job, after its run has been stored."""
        if isinstance(event, Notice):
            self._store.notices.add(_trained(job), event.text)
        with self._lock:
            self._changed |= isinstance(event, Started | Run | NoProgress)
            if isinstance(event, Started):
                self._begin(job, event)
            elif known := self._running.pop(job.name, None):
                if (now := _after(known, event)).left or not known.cell:
                    self._running[job.name] = now

    def _begin(self, job: Job, start: Started) -> None:
        """Record a job; it replaces the job that its worker had, and a measurement replaces other measurements."""
        self._queued.pop(job.name, None)
        others = self._running.values()
        kept = [each for each in others if (each.host, each.pid) != start[:2] and (each.cell or job.resumable)]
        missing = tuple(sorted(job.missing)) if isinstance(job, Training) else ()
        self._running = {each.name: each for each in kept} | {job.name: begun(job.name, _trained(job), missing, start)}

    def _keep_writing(self) -> None:
        while not self._ended.wait(LEAST_SECONDS):
            if self._changed or time.monotonic() - self._written > MOST_SECONDS:
                self._write()

    def _write(self) -> None:
        with self._lock:
            queued: dict[str, tuple[int, ...]] = {}
            for job in self._queued.values():
                queued[job.cell.identity] = (*queued.get(job.cell.identity, ()), *sorted(job.missing))
            record = replace(self._activity, queued=queued, jobs=tuple(self._running.values()))
            self._changed, self._written = False, time.monotonic()
        self._store.activity.write(record)


def _trained(job: Job) -> str:
    """Return the identity of the cell that a job trains; empty if it trains none."""
    return job.cells[0].identity if job.resumable else ""


def _after(job: RunningJob, event: Any) -> RunningJob:
    """Return a job after one of its events; a job that has sent all its runs has no seeds left."""
    now = time.time()
    if isinstance(event, NoProgress):
        return replace(job, seen=now - event.seconds, stalled=event.seconds > 0)
    if isinstance(event, Run):
        job = replace(job, left=tuple(seed for seed in job.left if seed != event.seed))
    return replace(job, seen=now, stalled=False, epoch=event.epoch if isinstance(event, Progress) else job.epoch)
