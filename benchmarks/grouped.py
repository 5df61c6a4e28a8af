"""The engine as users get it: groups of seeds as jobs for one single-threaded worker process per core.

The start of the processes is left out, and so is that of a group (data, initialisation, evaluation 0): what is left is
the epochs and their evaluations, nothing else, as for the other competitors. A group's start is measured as a training
of no epochs, after the real one: by then all is warm, and a start that looks short counts against the engine.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.cases import Case
from grokbench import engine, work
from grokbench.launchers.local import launch
from grokbench.records import Cell, Run
from grokbench.work import Event, Stage, Training, Worker

__all__ = ["Clock", "Clocked", "groups", "rounds"]


@dataclass(frozen=True)
class Clock:
    """What one job took, in seconds."""

    worker: int  # process id
    start: float  # data, initialisation and the first evaluation
    whole: float  # the same, and all epochs with their evaluations

    @property
    def epochs(self) -> float:
        """The epochs and their evaluations alone."""
        return self.whole - self.start


@dataclass(frozen=True)
class Clocked:
    """A group to train, with a clock in the worker process."""

    training: Training

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell, as other jobs name theirs."""
        return self.training.cells

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Yield what the training yields, then the clock."""
        began = time.perf_counter()
        yield from self.training.run(worker, registry)
        whole = time.perf_counter() - began
        for _ in lasting(self.training, 0).run(worker, registry):
            pass
        yield Clock(os.getpid(), time.perf_counter() - began - whole, whole)

    def failed(self, error: str) -> Iterator[Event]:
        """Every seed as failed, with the traceback."""
        return self.training.failed(error)


def lasting(training: Training, epochs: int) -> Training:
    """The same group for so many epochs."""
    return replace(training, cell=replace(training.cell, budget=epochs))


def groups(case: Case) -> list[Training]:
    """The groups in which a user's run trains the seeds of a case."""
    size = engine.group_size(case.step, engine.weigh(case.step.task), "cpu", engine.DTYPES[case.precision])
    return [Training(case.cell, seeds, frozenset(seeds)) for seeds in work.groups(case.seeds, size)]


def rounds(case: Case, workers: int) -> Iterator[list[Clock]]:
    """Train all seeds of a case, round after round as they are asked for; a clock for each group.

    The processes live until the iterator is closed, and wait between rounds. Raises RuntimeError when a replica fails
    or ends before the budget: the figures would be of less work.
    """
    teams = groups(case)
    crew = [Worker("cpu", case.precision, (), {})] * min(workers, len(teams))
    found: list[Clock] = []
    event: Any
    for job, event in launch(_stages(teams, len(crew)), crew):
        if isinstance(event, Run) and (event.error or event.epochs < job.cells[0].budget):
            why = event.error or f"{event.outcome} after {event.epochs} epochs"
            raise RuntimeError(f"{case.name}: seed {event.seed} was not trained to the end: {why}")
        if isinstance(event, Clock):
            found.append(event)
            if len(found) == len(teams):
                yield found
                found = []


def _stages(teams: list[Training], workers: int) -> Iterator[Stage]:
    """A warm-up for each worker, since first calls choose kernels and read data; then the groups, over and over."""
    yield Stage([lasting(teams[0], 1)] * workers, workers)
    jobs: Any = [Clocked(team) for team in teams]
    while True:
        yield Stage(jobs, workers)
