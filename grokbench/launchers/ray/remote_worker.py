"""A worker on a node of a Ray cluster: a pool of one process, whose events the command fetches one by one."""

import os
import pickle
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grokbench.events import Notice
from grokbench.launchers.agreement import Agreement, Facts, check, refusal, versions
from grokbench.launchers.interface import Job, Stage, Worker
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.local.pool import Pool
from grokbench.launchers.ray.plugin_files import PluginFiles, place
from grokbench.launchers.signals import PendingSignal
from grokbench.provenance import device_name, environment

__all__ = ["RemoteWorker", "Settings"]


@dataclass(frozen=True)
class Settings:
    """The settings of a worker, as the command sends them.

    Attributes:
        worker: the settings of its process; the paths of `plugins` are those on the command's machine.
        plugins: the files of the plugins.
        limits: the time limits of its jobs. The limit of a cell is the command's affair.
        agreement: the comparison that precedes the first job.
    """

    worker: Worker
    plugins: PluginFiles
    limits: TimeLimits
    agreement: Agreement


class RemoteWorker:
    """A worker on its node; Ray runs its methods, `stop` and `close` beside a call of `fetch`.

    Settings, jobs and events travel as pickles made here, so that Ray neither copies classes into them nor gives out
    arrays that cannot be written. They are read only after the versions have been compared.
    """

    def __init__(self) -> None:
        """Make a worker without a process."""
        self._signalled, self._folder = PendingSignal(), tempfile.TemporaryDirectory(prefix="grokbench-")
        self._pool: Pool | None = None
        self._events: Iterator[tuple[Job, Any]] = iter(())

    def prepare(self, expected: Facts, settings: bytes) -> tuple[str, str]:
        """Compare this worker with the command, and start its process.

        Args:
            expected: the facts of the command.
            settings: a pickle of `Settings`.

        Returns:
            The name of this machine, and why the worker is refused; the reason is empty if the worker agrees.
        """
        try:
            check(expected, versions())
            agreement = self._start(pickle.loads(settings))
        except Exception as error:  # another version, a broken plugin
            return socket.gethostname(), refusal(str(error))
        refusals = [event.text for _, event in self._pooled(agreement) if isinstance(event, Notice)]
        return socket.gethostname(), "; ".join(refusals)

    def _start(self, settings: Settings) -> Agreement:
        worker = settings.worker
        here = {**worker.provenance, **environment(), "device_name": device_name(worker.device)}
        plugins = place(settings.plugins, Path(self._folder.name))
        limits = replace(settings.limits, cell=None)
        self._pool = Pool([replace(worker, provenance=here, plugins=plugins)], limits, self._signalled)
        return settings.agreement

    def _pooled(self, job: Job) -> Iterator[tuple[Job, Any]]:
        assert self._pool is not None
        return self._pool.work(Stage([job], 1))

    def begin(self, job: bytes) -> None:
        """Take a job, whose events `fetch` returns; it begins with the first fetch.

        Args:
            job: the pickled job.
        """
        self._signalled.number = None
        self._events = self._pooled(_with_present_folders(pickle.loads(job)))

    def fetch(self) -> bytes | None:
        """Return the job's next event, pickled; None at its end. The event before it counts as stored."""
        found = next(self._events, None)
        return None if found is None else pickle.dumps(found[1])

    def stop(self) -> None:
        """Ask the process to stop with a checkpoint; `fetch` returns the last events."""
        self._signalled.number = signal.SIGTERM

    def close(self) -> None:
        """End the process."""
        self._signalled.number = signal.SIGKILL  # so that no process is started again
        if self._pool is not None:
            self._pool.stop()
        self._folder.cleanup()


def _with_present_folders(job: Any) -> Job:
    """Return a job that keeps checkpoints only if this machine has the folder of results, such as a shared one."""
    checkpoints = getattr(job, "checkpoints", None)
    if checkpoints and not os.path.isdir(Path(checkpoints[0]).parents[1]):
        return replace(job, checkpoints=None)
    return job
