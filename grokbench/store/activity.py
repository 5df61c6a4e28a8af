"""The record of the run that works on a results folder; `status` and `cancel`, other processes, read it.

The file exists only while a run works, or if a run was killed.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from grokbench.errors import StoreError
from grokbench.events import Started
from grokbench.io import atomic, json_lines
from grokbench.records.bounds import Epoch, Moment, Seeds

__all__ = ["Activity", "ActivityFile", "RunningJob", "begun"]

MOST_JOBS = 100_000  # most jobs of a record
SILENT = 60.0  # seconds after which a run on another machine that has not written counts as ended
Process = Annotated[int, Field(ge=0, lt=2**31)]


@dataclass(frozen=True)
class RunningJob:
    """A job that a worker has begun and not ended.

    Attributes:
        name: the name of the job.
        cell: the identity of the cell that it trains; empty if it trains none.
        left: the seeds whose runs it still has to send.
        host: the machine of the worker.
        pid: the process of the worker; 0 if it is not known.
        device: the device of the worker.
        job_id: the id of the scheduler's job in which the worker runs; empty if there is none.
        log: the file to which the worker writes; empty if there is none.
        began: when the job began, in seconds since 1970.
        seen: when it last gave a sign of progress, in seconds since 1970.
        epoch: the completed epochs of its group.
        stalled: True if it shows no progress.
    """

    name: str
    cell: str
    left: Seeds
    host: str
    pid: Process
    device: str
    job_id: str
    log: str
    began: Moment
    seen: Moment
    epoch: Epoch = 0
    stalled: bool = False


@dataclass(frozen=True)
class Activity:
    """The run that works on a folder.

    Attributes:
        launcher: the name of the run's launcher.
        host: the machine of the run's main process.
        pid: the main process.
        began: when the run began, in seconds since 1970.
        written: when the record was written, in seconds since 1970.
        queued: identity of a cell -> the seeds that wait for a worker.
        jobs: the jobs that workers have begun.
    """

    launcher: str
    host: str
    pid: Process
    began: Moment
    written: Moment
    queued: Mapping[str, Seeds] = field(default_factory=dict)
    jobs: Annotated[tuple[RunningJob, ...], Field(max_length=MOST_JOBS)] = ()

    @classmethod
    def begin(cls, launcher: str) -> "Activity":
        """Return the record of a run that this process begins now."""
        now = time.time()
        return cls(launcher, socket.gethostname(), os.getpid(), now, now)

    @property
    def here(self) -> bool:
        """True if the run's main process is on this machine."""
        return self.host == socket.gethostname()

    def works(self, busy: bool) -> bool:
        """Return whether the run works now.

        Args:
            busy: whether a process holds the folder's lock. A lock of another machine may be invisible here; the
                record, which is written again every few seconds, then tells.
        """
        return busy or (not self.here and time.time() - self.written < SILENT)

    def training(self, cell: str) -> set[int]:
        """Return the seeds of a cell that workers train."""
        return {seed for job in self.jobs if job.cell == cell for seed in job.left}

    def waiting(self, cell: str) -> set[int]:
        """Return the seeds of a cell that wait for a worker."""
        return set(self.queued.get(cell, ()))


class ActivityFile:
    """The file of the record."""

    def __init__(self, path: Path) -> None:
        """Set the path of the file; nothing is read or written."""
        self._path = path

    def write(self, activity: Activity) -> None:
        """Replace the record; if the disk is full, keep the earlier one and let the run go on."""
        with suppress(StoreError, OSError):
            atomic.write(self._path, json_lines.dump(replace(activity, written=time.time())), self._path.parent)

    def read(self) -> Activity | None:
        """Return the record; None if there is no file, or if it is damaged."""
        try:
            found: Activity = json_lines.read(Activity, self._path)
        except (OSError, ValueError):
            return None
        return found

    def clear(self) -> None:
        """Delete the file, which a killed run may have left."""
        atomic.remove(self._path, self._path.parent)


def begun(name: str, cell: str, left: Seeds, start: Started) -> RunningJob:
    """Return the record of a job that begins now.

    Args:
        name: the name of the job.
        cell: the identity of the cell that it trains; empty if it trains none.
        left: the seeds whose runs it has to send.
        start: where it begins.
    """
    now = time.time()
    return RunningJob(name, cell, tuple(left), *start[:3], start.job_id, start.log, began=now, seen=now)
