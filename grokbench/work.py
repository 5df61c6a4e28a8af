"""What is left to do in a results folder, cut into jobs that a worker can take: groups to train, tasks to time.

A job is plain data, so it travels to another process, where `run` does it and yields what comes of it. Groups follow
from the plan (on CUDA also from a device's memory and how many workers share it): an interrupted group goes on from its
checkpoint or is trained again as a whole, so that no number depends on the interruption.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from grokbench.events import Event, Progress, Weight
from grokbench.records import Cell, Outcome, Run

__all__ = [
    "Job",
    "Profiling",
    "Stage",
    "Timekeeping",
    "Training",
    "Weighing",
    "Worker",
    "groups",
    "timekeeping",
    "training",
]


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


@dataclass(frozen=True)
class Training:
    """A group of replicas to train together; the finished ones among them are trained along and not kept."""

    cell: Cell
    seeds: tuple[int, ...]
    missing: frozenset[int]
    checkpoints: tuple[str, float] | None = None  # a folder for where the group stands, every so many seconds

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell, as the other jobs name theirs."""
        return (self.cell,)

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
        from grokbench.checkpoints import Shelf

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
class Profiling:
    """A cell whose phases are to be measured; nothing of it is kept."""

    cell: Cell
    seeds: tuple[int, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell, as the other jobs name theirs."""
        return (self.cell,)

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
class Weighing:
    """A cell of which it is to be found how many replicas a device holds, in a process that gives the memory back."""

    cell: Cell

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell, as the other jobs name theirs."""
        return (self.cell,)

    def run(self, worker: Worker, registry: Any) -> Iterator[Weight]:
        """Yield the number."""
        from grokbench import engine
        from grokbench.plan import cell_step

        step = cell_step(self.cell, registry)
        yield Weight(engine.measured(step, worker.device, engine.DTYPES[worker.precision], worker.sharing))

    def failed(self, error: str) -> Iterator[Weight]:
        """Nothing is known: whatever is wrong will be met again in training, and told then."""
        del error
        yield from ()


Job = Training | Timekeeping | Profiling | Weighing


class Stage(NamedTuple):
    """Jobs that are all done before the next stage begins."""

    jobs: Sequence[Job]
    at_once: int  # workers: one where jobs must not disturb each other


def groups(seeds: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Seeds cut as evenly as can be into groups of at most `size`; of three rather than one, if `size` is two."""
    count = min(-(-len(seeds) // size), max(1, len(seeds) // 2))
    bounds = [i * len(seeds) // count for i in range(count + 1)]
    return [tuple(seeds[low:high]) for low, high in zip(bounds, bounds[1:], strict=False)]


def training(
    cells: Iterable[Cell],
    seeds: Sequence[int],
    finished: Callable[[Cell], set[int]],
    size: Callable[[Cell], int],
    checkpoints: Callable[[Cell], tuple[str, float] | None] = lambda cell: None,
) -> list[Training]:
    """The groups in which something is missing, cell by cell; `checkpoints` are their folder and how often to write."""
    jobs = []
    for cell in cells:
        missing = set(seeds) - finished(cell)
        if missing:
            jobs += [
                Training(cell, group, frozenset(missing.intersection(group)), checkpoints(cell))
                for group in groups(seeds, size(cell))
            ]
    return [job for job in jobs if job.missing]


def timekeeping(cells: Iterable[Cell], timed: set[str]) -> list[Timekeeping]:
    """The tasks of which a cell has not been timed; identities in `timed` have."""
    by_task: dict[str, list[Cell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task, []).append(cell)
    return [Timekeeping(tuple(group)) for group in by_task.values() if any(c.identity not in timed for c in group)]
