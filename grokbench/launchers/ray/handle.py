"""A worker of a Ray cluster from the command's side: its state, its job, and the call that it is answering."""

import pickle
import time
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grokbench.launchers.agreement import Facts
from grokbench.launchers.interface import Job

if TYPE_CHECKING:
    from grokbench.launchers.ray.cluster import Cluster

__all__ = ["Handle", "State"]


class State(Enum):
    """The state of a worker.

    Attributes:
        PREPARING: it waits for a place in the cluster, or compares itself with the command.
        IDLE: it can take a job.
        BEGINNING: a job was sent to it. A worker lost now has not begun the job.
        WORKING: the next event of its job is awaited.
    """

    PREPARING = auto()
    IDLE = auto()
    BEGINNING = auto()
    WORKING = auto()


class Handle:
    """A worker of a Ray cluster.

    Attributes:
        state: its state.
        call: Ray's reference to the answer that is awaited; None if it is idle.
        host: the name of its machine; empty before the machine is known.
        job: its job; None if it has none.
        received: seeds of this job whose runs were received.
        overdue: whether it was asked to stop because the cell's time is used up.
        failures: how often in succession it was lost before it could take a job.
    """

    def __init__(self, cluster: "Cluster", expected: Facts, settings: bytes) -> None:
        """Start the worker.

        Args:
            cluster: the cluster that finds a place for it.
            expected: the facts of the command.
            settings: a pickle of `remote_worker.Settings`.
        """
        self._cluster, self._expected, self._settings = cluster, expected, settings
        self.failures = 0
        self.job: Job | None = None
        self.received: set[int] = set()
        self._start()

    def _start(self) -> None:
        self.state, self.host, self.overdue = State.PREPARING, "", False
        self._actor = self._cluster.start_worker()
        self.call: Any = self._actor.prepare.remote(self._expected, self._settings)

    @property
    def busy(self) -> bool:
        """True if it has a job."""
        return self.job is not None

    @property
    def seconds(self) -> float:
        """The seconds since its job was sent; 0 without a job."""
        return time.monotonic() - self._since if self.busy else 0.0

    def ready(self, host: str) -> None:
        """Note that it can take jobs, on this machine."""
        self.state, self.call, self.host, self.failures = State.IDLE, None, host, 0

    def assign(self, job: Job) -> None:
        """Send a job to it."""
        self.job, self.received = job, set()
        self.overdue, self._since, self.state = False, time.monotonic(), State.BEGINNING
        self.call = self._actor.begin.remote(pickle.dumps(_with_absolute_folder(job)))

    def fetch(self) -> None:
        """Request the next event of its job; the last one has been stored."""
        self.state, self.call = State.WORKING, self._actor.fetch.remote()

    def take_job(self) -> Job:
        """Return the job, and leave the worker idle."""
        assert self.job is not None
        job, self.job = self.job, None
        self.state, self.call = State.IDLE, None
        return job

    def ask_to_stop(self) -> None:
        """Ask it to stop its job with a checkpoint; the last events follow."""
        self._actor.stop.remote()

    def restart(self) -> None:
        """Start a worker in place of a lost one, wherever the cluster has a place."""
        self._cluster.end_workers([self._actor])
        self._start()

    @property
    def actor(self) -> Any:
        """Ray's handle of the worker."""
        return self._actor


def _with_absolute_folder(job: Any) -> Job:
    """Return a job that names the folder of its checkpoints from the root on; workers run in other folders."""
    if found := getattr(job, "checkpoints", None):
        return replace(job, checkpoints=(str(Path(found[0]).resolve()), found[1]))
    return job
