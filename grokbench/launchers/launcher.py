"""The interface of launchers: jobs in, events out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from grokbench.events import Event
from grokbench.launchers.jobs import Job, Stage, Worker
from grokbench.launchers.limits import TimeLimits

__all__ = ["Launcher"]


class Launcher(Protocol):
    """A way to run jobs in other processes, on this machine or on others."""

    def __call__(
        self, stages: Iterable[Stage], workers: Sequence[Worker], limits: TimeLimits = ...
    ) -> Iterator[tuple[Job, Event]]:
        """Run the jobs of every stage, one stage after the other.

        A launcher keeps five promises. Every event of a job is yielded, in the job's order. A job whose process fails,
        ends or exceeds a limit yields the events of its `failed`, and other jobs go on. A job without progress is
        tried `limits.ATTEMPTS` times. After a signal, training jobs write a checkpoint, their last events are yielded,
        and then the signal has its usual effect. When the iterator ends or is closed, no worker is left.

        Args:
            stages: each stage has its jobs and the number that may run at once. A stage is requested when the previous
                stage has ended.
            workers: the settings of each worker process.
            limits: the time limits of jobs.

        Yields:
            Every event with its job.
        """
