"""Jobs that a worker can take: a group to train, a task to time, a cell to profile or to weigh.

A job is plain data, so it travels to another process, where `run` does it and yields what comes of it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from grokbench.events import Event, Progress, Weight
from grokbench.records import Cell, Outcome, Run

__all__ = ["Job", "Profiling", "Stage", "Timekeeping", "Training", "Weighing", "Worker"]

# of a run's provenance, beside the cell's identity and the group: a checkpoint of other circumstances is not used
NUMBERS_DEPEND_ON = ("grokbench", "git", "torch", "machine", "device_name", "origins", "measured")
HEARTBEAT = 0.2  # seconds between the progress events of a group


@dataclass(frozen=True)
class Worker:
    """What a worker process knows beside its jobs."""

    device: str  # "cpu", "cuda:0"
    precision: str
    plugins: tuple[str, ...]  # plugin files
    provenance: Mapping[str, Any]  # of the program and the machine
    sharing: int = 1  # workers that share its device


class Job(Protocol):
    """Work for one worker."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that it is about."""

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Do it, in the worker's process, and yield what comes of it: an `Event` of each job here."""

    def failed(self, error: str) -> Iterator[Event]:
        """What it comes to where it could not be done."""


class Stage(NamedTuple):
    """Jobs that are all done before the next stage begins."""

    jobs: Sequence[Job]
    at_once: int  # workers: one where jobs must not disturb each other


@dataclass(frozen=True)
class _OfOneCell:
    """What the jobs of one cell have in common."""

    cell: Cell

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell, as the other jobs name theirs."""
        return (self.cell,)


@dataclass(frozen=True)
class Training(_OfOneCell):
    """A group of replicas to train together; the finished ones among them are trained along and not kept."""

    seeds: tuple[int, ...]
    missing: frozenset[int]
    checkpoints: tuple[str, float] | None = None  # a folder for where the group stands, every so many seconds

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield the missing replicas as they are done, and progress now and then."""
        from grokbench import engine
        from grokbench.plan import cell_step, check_sources

        check_sources(self.cell, registry)
        step, dtype = cell_step(self.cell, registry), engine.DTYPES[worker.precision]
        provenance = {**worker.provenance, "origins": dict(self.cell.origins), "measured": dict(self.cell.measured)}
        shelf_of = self._shelves(provenance)
        said = time.monotonic()
        for event in engine.train(self.cell, step, self.seeds, worker.device, dtype, provenance, shelf_of):
            if isinstance(event, Progress):
                if time.monotonic() - said > HEARTBEAT:
                    said = time.monotonic()
                    yield event
            elif event.seed in self.missing:
                yield event

    def _shelves(self, provenance: Mapping[str, Any]) -> Callable[[Sequence[int]], Any] | None:
        """Where a group of seeds keeps where it stands; None where nothing is kept."""
        from grokbench.engine.checkpoints import Shelf

        if self.checkpoints is None:
            return None
        folder, seconds = self.checkpoints
        facts = {key: provenance.get(key) for key in NUMBERS_DEPEND_ON}
        return lambda seeds: Shelf.of(Path(folder), seeds, facts, self.missing.intersection(seeds), seconds)

    def failed(self, error: str) -> Iterator[Run]:
        """Every missing replica as failed, with the traceback."""
        for seed in sorted(self.missing):
            yield Run(self.cell.identity, seed, Outcome.FAILED, None, None, 0, group=self.seeds, error=error)


@dataclass(frozen=True)
class Timekeeping:
    """The cells of one task, to be timed side by side."""

    cells: tuple[Cell, ...]

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield a timing per cell."""
        from grokbench import engine, timing
        from grokbench.plan import cell_step, check_sources

        for cell in self.cells:
            check_sources(cell, registry)
        steps = [cell_step(cell, registry) for cell in self.cells]
        dtype = engine.DTYPES[worker.precision]
        here = {**worker.provenance, "timed_at": datetime.now(UTC).isoformat()}  # the same for those that took turns
        for measured in timing.measure(self.cells, steps, worker.device, dtype):
            origins = next(dict(cell.origins) for cell in self.cells if cell.identity == measured.identity)
            yield replace(measured, provenance={**here, "origins": origins})

    def failed(self, error: str) -> Iterator[Run]:
        """A task that cannot be timed leaves its cells without seconds."""
        del error
        yield from ()


@dataclass(frozen=True)
class Profiling(_OfOneCell):
    """A cell whose phases are to be measured; nothing of it is kept."""

    seeds: tuple[int, ...]

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield the profile."""
        from grokbench import engine, profiling
        from grokbench.plan import cell_step

        dtype = engine.DTYPES[worker.precision]
        yield profiling.profile(self.cell, cell_step(self.cell, registry), self.seeds, worker.device, dtype)

    def failed(self, error: str) -> Iterator[Run]:
        """A run that failed, for its traceback; it is not stored."""
        yield Run(self.cell.identity, self.seeds[0], Outcome.FAILED, None, None, 0, group=self.seeds, error=error)


@dataclass(frozen=True)
class Weighing(_OfOneCell):
    """A cell of which it is to be found how many replicas a device holds, in a process that gives the memory back."""

    def run(self, worker: Worker, registry: Any) -> Iterator[Weight]:
        """Yield the number."""
        from grokbench import engine
        from grokbench.plan import cell_step

        step = cell_step(self.cell, registry)
        yield Weight(engine.tried(step, worker.device, engine.DTYPES[worker.precision], worker.sharing))

    def failed(self, error: str) -> Iterator[Weight]:
        """Nothing is known: whatever is wrong will be met again in training, and told then."""
        del error
        yield from ()
