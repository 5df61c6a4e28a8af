"""Jobs for workers: a group to train, a task to time, a cell to profile, a group size to measure.

A job is plain data, so that it can be sent to another process, where `run` does the work and yields events.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from grokbench.events import Event, MeasuredGroupSize, Notice, Progress
from grokbench.records import Cell, Outcome, Run
from grokbench.seeds import format_seeds
from grokbench.text.headline import headline

__all__ = [
    "GroupSizeProbe",
    "Job",
    "Profiling",
    "Stage",
    "Timekeeping",
    "Training",
    "Worker",
    "memory_fraction",
]

# Keys of provenance on which numbers depend, besides the cell's identity, the group and the plugins' sources (see
# `CheckpointFile.facts`). The git commit is left out, because otherwise every commit would invalidate the checkpoints
# of a long run. The identity includes the engine's REVISION. If the engine is edited without a new revision, old
# checkpoints and old runs remain valid.
NUMBERS_DEPEND_ON = ("torch", "machine", "device_name", "measured")
HEARTBEAT = 0.2  # minimum seconds between two progress events of a group
SPARE = 0.1  # share of a CUDA device's memory left to contexts, workspaces of libraries and fragmentation


@dataclass(frozen=True)
class Worker:
    """The settings of a worker process.

    Attributes:
        device: "cpu", or a CUDA device such as "cuda:0".
        precision: the precision of parameters, data and states: "float32" or "float64".
        plugins: files of plugins to load.
        provenance: the provenance of the program and the machine, kept with every run and timing.
        sharing: workers that share the device.
    """

    device: str
    precision: str
    plugins: tuple[str, ...]
    provenance: Mapping[str, Any]
    sharing: int = 1

    @property
    def memory_fraction(self) -> float:
        """The share of its device's memory that a CUDA worker may use."""
        return memory_fraction(self.sharing)


def memory_fraction(sharing: int) -> float:
    """The share of a CUDA device's memory for each of the workers that share it."""
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
        """Return the job that is left when the runs of some seeds have been received; None if nothing is left."""

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Do the work in the worker's process.

        Args:
            worker: the settings of this process.
            registry: its plugins.

        Yields:
            The job's events.
        """

    def failed(self, error: str) -> Iterator[Event]:
        """Yield the events that report a failure; `error` is a traceback or a sentence."""


class Stage(NamedTuple):
    """Jobs that all end before the next stage begins.

    Attributes:
        jobs: the jobs, in the order in which they start.
        at_once: the largest number of jobs that may run at once; 1 if jobs must not disturb each other.
    """

    jobs: Sequence[Job]
    at_once: int


@dataclass(frozen=True)
class _OfOneCell:
    """The common base of jobs for one cell."""

    cell: Cell

    resumable = False

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The job's only cell."""
        return (self.cell,)

    @property
    def name(self) -> str:
        """The name of the cell."""
        return self.cell.name


@dataclass(frozen=True)
class Training(_OfOneCell):
    """A group of replicas to train together.

    An incomplete group is trained as a whole, because its numbers depend on its size. Runs that are already stored are
    discarded.

    Attributes:
        cell: the cell of the replicas.
        seeds: the seeds of the group.
        missing: the seeds whose runs are kept.
        checkpoints: a folder for the group's checkpoint, and the seconds between two; None means no checkpoints.
    """

    seeds: tuple[int, ...]
    missing: frozenset[int]
    checkpoints: tuple[str, float] | None = None

    resumable = True

    @property
    def name(self) -> str:
        """The names of the cell and of its seeds."""
        return f"{self.cell.name}, {'seed' if len(self.seeds) == 1 else 'seeds'} {format_seeds(self.seeds)}"

    def without(self, done: Collection[int]) -> "Training | None":
        """See `Job`."""
        left = self.missing.difference(done)
        return replace(self, missing=left) if left else None

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield the missing runs and their weights, and the progress at most every HEARTBEAT seconds."""
        from grokbench import engine
        from grokbench.plan import cell_step, check_sources

        check_sources(self.cell, registry)
        step, dtype = cell_step(self.cell, registry), engine.DTYPES[worker.precision]
        provenance = {**worker.provenance, "origins": _origins(self.cell), "measured": dict(self.cell.measured)}
        if imports := _imports(self.cell, registry):
            provenance["imports"] = imports
        checkpoint_file_of = self._checkpoint_files(provenance)
        last_progress = time.monotonic()
        for event in engine.train(self.cell, step, self.seeds, worker.device, dtype, provenance, checkpoint_file_of):
            if isinstance(event, Progress):
                if time.monotonic() - last_progress > HEARTBEAT:
                    last_progress = time.monotonic()
                    yield event
            elif event.seed in self.missing:
                yield event

    def _checkpoint_files(self, provenance: Mapping[str, Any]) -> Callable[[Sequence[int]], Any] | None:
        """Return a function from the seeds of a group to its checkpoint file; None if no checkpoints are kept."""
        from grokbench.engine.checkpoints import CheckpointFile

        if self.checkpoints is None:
            return None
        folder, seconds = self.checkpoints
        facts = {key: provenance.get(key) for key in NUMBERS_DEPEND_ON}
        facts["sources"] = {name: origin.digest for name, origin in self.cell.origins.items()}
        if self.cell.weights.epochs:  # an earlier request's checkpoint may be past an epoch that is wanted now
            facts["weights"] = self.cell.weights.epochs
        return lambda seeds: CheckpointFile.of(Path(folder), seeds, facts, self.missing.intersection(seeds), seconds)

    def failed(self, error: str) -> Iterator[Run]:
        """Yield a failed run with the traceback for every missing replica."""
        for seed in sorted(self.missing):
            yield Run(self.cell.identity, seed, Outcome.FAILED, None, None, 0, group=self.seeds, error=error)


def _origins(cell: Cell) -> dict[str, Any]:
    """Return the origins of a cell's plugins, as provenance stores them."""
    return {name: origin.data() for name, origin in cell.origins.items()}


def _imports(cell: Cell, registry: Any) -> dict[str, str]:
    """Return the versions of the packages that a cell's own plugins of the user import."""
    plugins = [registry.get(*name.split(".", maxsplit=1)) for name in cell.origins]
    return {name: version for plugin in plugins for name, version in plugin.imports.items()}


@dataclass(frozen=True)
class Timekeeping:
    """The cells of a task, to be timed in turns.

    Attributes:
        cells: the cells, with distinct identities.
    """

    cells: tuple[Cell, ...]

    resumable = False

    @property
    def name(self) -> str:
        """The name of the task."""
        return f"seconds per epoch of {self.cells[0].task}"

    def without(self, done: Collection[int]) -> "Job | None":
        """Return the job itself, which has no runs."""
        return self

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield a timing for each cell. All timings of one job have the same `timed_at` in their provenance."""
        from grokbench import engine
        from grokbench.engine import timing
        from grokbench.plan import cell_step, check_sources

        for cell in self.cells:
            check_sources(cell, registry)
        steps = [cell_step(cell, registry) for cell in self.cells]
        dtype = engine.DTYPES[worker.precision]
        here = {**worker.provenance, "timed_at": datetime.now(UTC).isoformat()}
        for measured in timing.measure(self.cells, steps, worker.device, dtype):
            cell = next(cell for cell in self.cells if cell.identity == measured.identity)
            yield replace(measured, provenance={**here, "origins": _origins(cell)})

    def failed(self, error: str) -> Iterator[Notice]:
        """Yield a notice: the cells of the task remain without a timing."""
        yield Notice(f"{self.name} could not be measured: {headline(error)}")


@dataclass(frozen=True)
class Profiling(_OfOneCell):
    """A cell to profile; nothing is stored.

    Attributes:
        cell: the cell to profile.
        seeds: the seeds of the group that is trained while profiling.
    """

    seeds: tuple[int, ...]

    def without(self, done: Collection[int]) -> "Job | None":
        """Return the job itself, which has no runs."""
        return self

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield the profile."""
        from grokbench import engine
        from grokbench.engine import profiling
        from grokbench.plan import cell_step

        dtype = engine.DTYPES[worker.precision]
        yield profiling.profile(self.cell, cell_step(self.cell, registry), self.seeds, worker.device, dtype)

    def failed(self, error: str) -> Iterator[Run]:
        """Yield a failed run that carries the traceback; it is not stored."""
        yield Run(self.cell.identity, self.seeds[0], Outcome.FAILED, None, None, 0, group=self.seeds, error=error)


@dataclass(frozen=True)
class GroupSizeProbe(_OfOneCell):
    """A measurement of a cell's group size on the worker's device."""

    def without(self, done: Collection[int]) -> "Job | None":
        """Return the job itself, which has no runs."""
        return self

    def run(self, worker: Worker, registry: Any) -> Iterator[MeasuredGroupSize]:
        """Yield the measured group size."""
        from grokbench import engine
        from grokbench.plan import cell_step

        step = cell_step(self.cell, registry)
        yield MeasuredGroupSize(
            engine.measured_group_size(step, worker.device, engine.DTYPES[worker.precision], worker.memory_fraction)
        )

    def failed(self, error: str) -> Iterator[MeasuredGroupSize]:
        """Yield nothing: training raises the same error again and reports it."""
        del error
        yield from ()
