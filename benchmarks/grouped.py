"""The engine as in `grokbench run`: groups of seeds, on a single-threaded worker per core or on one CUDA worker.

As for the other competitors, only epochs and their evaluations count. The start of the processes does not, nor does
that of a group (data, initialisation, evaluation 0): it is measured afterwards, by training for no epochs (on CUDA for
the few that choose kernels and capture graphs), and subtracted. Tasks may cache what they draw for a seed, so every
worker starts every group once before anything is timed.
"""

import os
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import memory
from benchmarks.cases import Case
from grokbench import engine
from grokbench.events import Event
from grokbench.launchers.interface import Measurement, Stage, Worker, memory_fraction
from grokbench.launchers.jobs import Training
from grokbench.launchers.local.pool import launch
from grokbench.provenance import environment
from grokbench.records import Cell, Run
from grokbench.runner import scheduling

__all__ = ["WarmUp", "Clock", "TimedTrainings", "cores", "groups", "lasting", "perform", "rounds"]


@dataclass(frozen=True)
class Clock:
    """The cost of one job.

    Attributes:
        worker: its process id.
        start: seconds of data, initialisation and the first evaluation.
        whole: seconds of the start, and of all epochs with their evaluations.
        peak: the worker's peak memory, in bytes.
    """

    worker: int
    start: float
    whole: float
    peak: int

    @property
    def epochs(self) -> float:
        """The seconds of the epochs and their evaluations."""
        return self.whole - self.start


@dataclass(frozen=True)
class TimedTrainings(Measurement):
    """A job that trains groups one after the other and times them in the worker process.

    Attributes:
        trainings: a job for each group.
        short: epochs that belong to the start.
        restart: start all groups once before they are timed, because tasks may have dropped them from their caches.
    """

    trainings: tuple[Training, ...]
    short: int = 0
    restart: bool = False

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the groups."""
        return tuple(training.cell for training in self.trainings)

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Yield the events of the trainings, then a `Clock`."""
        if self.restart:
            self._start(worker, registry)
        memory.reset_peak(worker.device)
        began = time.perf_counter()
        for training in self.trainings:
            yield from training.run(worker, registry)
        whole, peak = time.perf_counter() - began, memory.peak(worker.device)
        yield Clock(os.getpid(), self._start(worker, registry), whole, peak)

    def _start(self, worker: Worker, registry: Any) -> float:
        """Start every group, one after the other, and return the seconds."""
        began = time.perf_counter()
        for training in self.trainings:
            for _ in lasting(training, self.short).run(worker, registry):
                pass
        return time.perf_counter() - began

    def failed(self, error: str) -> Iterator[Event]:
        """Yield every seed as failed, with the traceback."""
        for training in self.trainings:
            yield from training.failed(error)


class WarmUp(TimedTrainings):
    """A job that only starts the groups."""

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Start the groups and yield nothing."""
        self._start(worker, registry)
        yield from ()


def cores(device: str) -> int:
    """Return the number of workers."""
    return int(environment()["cores"]) if device == "cpu" else 1


def lasting(training: Training, epochs: int) -> Training:
    """Return the job with another number of epochs."""
    return replace(training, cell=replace(training.cell, budget=epochs))


def groups(case: Case) -> list[Training]:
    """Return a job for each group in which `grokbench run` would train the seeds of a case."""
    dtype, share, replica = engine.DTYPES[case.precision], memory_fraction(1), engine.replica_size(case.step.task)
    size, sure = engine.estimated_group_size(case.step, replica, case.device, dtype, share)
    size = size if sure else engine.measured_group_size(case.step, case.device, dtype, share)
    return [Training(case.cell, seeds, frozenset(seeds)) for seeds in scheduling.groups(case.seeds, size)]


def rounds(case: Case, workers: int) -> Generator[list[Clock]]:
    """Train all seeds of a case in each round, and yield a clock for each group.

    The processes wait between rounds and end when the iterator is closed.

    Raises:
        RuntimeError: a replica failed or ended before the budget, so that less work would be measured.
    """
    trainings = groups(case)
    stages = _stages(case, trainings, min(workers, len(trainings)))
    return perform(case, stages, min(workers, len(trainings)), len(trainings))


def perform(case: Case, stages: Iterator[Stage], workers: int, jobs: int) -> Generator[list[Clock]]:
    """Run stages of `jobs` timed jobs each, and yield the clocks of each stage; RuntimeError as for `rounds`."""
    found: list[Clock] = []
    event: Any
    for job, event in launch(stages, [Worker(case.device, case.precision, (), {})] * workers):
        if isinstance(event, Run) and (event.error or event.epochs < job.cells[0].budget):
            why = event.error or f"{event.outcome} after {event.epochs} epochs"
            raise RuntimeError(f"{case.name}: seed {event.seed} was not trained to the end: {why}")
        if isinstance(event, Clock):
            found.append(event)
            if len(found) == jobs:
                yield found
                found = []


def _stages(case: Case, trainings: list[Training], workers: int) -> Iterator[Stage]:
    """Yield a warm-up for each worker, because first calls choose kernels and read data; then the groups repeatedly."""
    for warming in (WarmUp(tuple(trainings[:1]), 1), WarmUp(tuple(trainings))):
        yield Stage([warming] * workers, workers)
    jobs = [TimedTrainings((training,), case.short) for training in trainings]
    while True:
        yield Stage(jobs, workers)
