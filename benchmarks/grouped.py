"""The engine as users get it: groups of seeds as jobs for one single-threaded worker per core, or one on a CUDA device.

The start of the processes is left out, and so is that of a group (data, initialisation, evaluation 0): what is left is
the epochs and their evaluations, nothing else, as for the other competitors. A group's start is measured as a training
of no epochs (on CUDA: of the few that choose kernels and capture graphs), after the real one. Since tasks may keep what
they drew for a seed, every worker has begun with every group before anything is measured.
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
from grokbench.launchers.jobs import Stage, Training, Worker, memory_fraction
from grokbench.launchers.local.pool import launch
from grokbench.provenance import environment
from grokbench.records import Cell, Run
from grokbench.runner import scheduling

__all__ = ["Begun", "Clock", "Clocked", "cores", "groups", "lasting", "perform", "rounds"]


@dataclass(frozen=True)
class Clock:
    """What one job took."""

    worker: int  # process id
    start: float  # seconds: data, initialisation and the first evaluation
    whole: float  # seconds: the same, and all epochs with their evaluations
    peak: int  # bytes: the most that the worker has held

    @property
    def epochs(self) -> float:
        """Seconds of the epochs and their evaluations alone."""
        return self.whole - self.start


@dataclass(frozen=True)
class Clocked:
    """Groups to train one after the other, with a clock in the worker process."""

    trainings: tuple[Training, ...]
    short: int = 0  # epochs that belong to the start
    anew: bool = False  # begin with all of them before the clock starts: other jobs may have made a task forget them

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells, as other jobs name theirs."""
        return tuple(training.cell for training in self.trainings)

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Yield what the trainings yield, then the clock."""
        if self.anew:
            self._start(worker, registry)
        memory.forget(worker.device)
        began = time.perf_counter()
        for training in self.trainings:
            yield from training.run(worker, registry)
        whole, peak = time.perf_counter() - began, memory.peak(worker.device)
        yield Clock(os.getpid(), self._start(worker, registry), whole, peak)

    def _start(self, worker: Worker, registry: Any) -> float:
        """Seconds to begin with every group, one after the other."""
        began = time.perf_counter()
        for training in self.trainings:
            for _ in lasting(training, self.short).run(worker, registry):
                pass
        return time.perf_counter() - began

    def failed(self, error: str) -> Iterator[Event]:
        """Every seed as failed, with the traceback."""
        for training in self.trainings:
            yield from training.failed(error)


class Begun(Clocked):
    """The same, only begun with, and without a clock."""

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Yield nothing."""
        self._start(worker, registry)
        yield from ()


def cores(device: str) -> int:
    """Workers that train at once."""
    return int(environment()["cores"]) if device == "cpu" else 1


def lasting(training: Training, epochs: int) -> Training:
    """The same group for so many epochs."""
    return replace(training, cell=replace(training.cell, budget=epochs))


def groups(case: Case) -> list[Training]:
    """The groups in which a user's run trains the seeds of a case."""
    dtype, share, replica = engine.DTYPES[case.precision], memory_fraction(1), engine.replica_size(case.step.task)
    size, sure = engine.estimated_group_size(case.step, replica, case.device, dtype, share)
    size = size if sure else engine.measured_group_size(case.step, case.device, dtype, share)
    return [Training(case.cell, seeds, frozenset(seeds)) for seeds in scheduling.groups(case.seeds, size)]


def rounds(case: Case, workers: int) -> Generator[list[Clock]]:
    """Train all seeds of a case, round after round as they are asked for; a clock for each group.

    The processes live until the iterator is closed, and wait between rounds. Raises RuntimeError when a replica fails
    or ends before the budget: the figures would be of less work.
    """
    teams = groups(case)
    stages = _stages(case, teams, min(workers, len(teams)))
    return perform(case, stages, min(workers, len(teams)), len(teams))


def perform(case: Case, stages: Iterator[Stage], workers: int, jobs: int) -> Generator[list[Clock]]:
    """The clocks of stage after stage, each so many clocked jobs; RuntimeError as for `rounds`."""
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


def _stages(case: Case, teams: list[Training], workers: int) -> Iterator[Stage]:
    """A warm-up for each worker, since first calls choose kernels and read data; then the groups, over and over."""
    for warming in (Begun(tuple(teams[:1]), 1), Begun(tuple(teams))):
        yield Stage([warming] * workers, workers)
    jobs = [Clocked((team,), case.short) for team in teams]
    while True:
        yield Stage(jobs, workers)
