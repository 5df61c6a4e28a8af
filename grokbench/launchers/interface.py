"""The interface of launchers: jobs in, events out.

A job is plain data, so that it can be sent to another process, where `run` does the work and yields events.
"""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

from grokbench.events import Event
from grokbench.launchers.limits import TimeLimits
from grokbench.records import Cell

__all__ = ["Job", "Launcher", "Measurement", "Stage", "Worker", "memory_fraction"]

SPARE = 0.1  # share of a CUDA device's memory that is left for contexts, workspaces of libraries and fragmentation


@dataclass(frozen=True)
class Worker:
    """The settings of a worker process.

    Attributes:
        device: "cpu", or a CUDA device such as "cuda:0".
        precision: the precision of parameters, data and states: "float32" or "float64".
        plugins: files of plugins to load.
        provenance: the provenance of the program and the machine, kept with every run and timing.
        sharing: the number of workers that share the device.
    """

    device: str
    precision: str
    plugins: tuple[str, ...]
    provenance: Mapping[str, Any]
    sharing: int = 1

    @property
    def memory_fraction(self) -> float:
        """The share of the device's memory that this worker may use, on CUDA."""
        return memory_fraction(self.sharing)


def memory_fraction(sharing: int) -> float:
    """Return the share of a CUDA device's memory that one worker may use, if `sharing` workers use the device."""
    return (1.0 - SPARE) / sharing


class Job(Protocol):
    """A unit of work for one worker."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that the job works on."""

    @property
    def name(self) -> str:
        """The name of the job in messages; different jobs of a stage have different names."""

    @property
    def resumable(self) -> bool:
        """True for training, which can stop with a checkpoint and go on from it."""

    def without(self, done: Collection[int]) -> "Job | None":
        """Return the job that remains after the runs of some seeds have been received; None if nothing remains."""

    def without_compiled_code(self, why: str) -> "Job | None":
        """Return the job that does the same work without compiled code; None if it uses none.

        Args:
            why: what failed, for the note that later jobs of the cell read and for the provenance of the runs.
        """

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Do the work in the worker's process.

        Args:
            worker: the settings of this process.
            registry: the plugins that this process has loaded.

        Yields:
            The job's events.
        """

    def failed(self, error: str) -> Iterator[Event]:
        """Yield the events that report a failure; `error` is a traceback or a sentence."""


class Measurement:
    """The base of jobs that keep no checkpoint and store no runs."""

    resumable = False

    @property
    def name(self) -> str:
        """The name of the class, for messages."""
        return type(self).__name__

    def without(self, done: Collection[int]) -> Self:
        """Return the job itself."""
        return self

    def without_compiled_code(self, why: str) -> None:
        """Return None: measurements use no compiled code."""


class Stage(NamedTuple):
    """Jobs that all end before the next stage begins.

    Attributes:
        jobs: the jobs, in the order in which they start.
        at_once: the largest number of jobs that may run at once; 1 if jobs must not disturb each other.
    """

    jobs: Sequence[Job]
    at_once: int


class Launcher(Protocol):
    """A way to run jobs in other processes, on this machine or on others."""

    def __call__(
        self, stages: Iterable[Stage], workers: Sequence[Worker], limits: TimeLimits = ...
    ) -> Generator[tuple[Job, Event], None, None]:
        """Run the jobs of every stage, one stage after the other.

        A launcher keeps five promises:

        1. `Started` is yielded when a worker gets a job, then every event of the job, in the job's order.
        2. If the process of a job fails, ends or exceeds a limit, the events of `Job.failed` are yielded, and the other
           jobs go on. After a fault of the process, a job with compiled code is first tried once without it.
        3. A job without progress is tried `limits.ATTEMPTS` times.
        4. After a signal, training jobs write a checkpoint, their last events are yielded, and then the signal has its
           usual effect.
        5. When the iterator ends or is closed, no worker is left.

        Args:
            stages: each stage has its jobs and the number that may run at once. A stage is requested when the previous
                stage has ended.
            workers: the settings of each worker process.
            limits: the time limits of jobs.

        Yields:
            Every event with its job.
        """
