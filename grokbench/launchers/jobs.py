"""The jobs of workers: a group to train, a task to time, a cell to profile, a group size to measure."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grokbench.events import Event, MeasuredGroupSize, Notice, Progress
from grokbench.launchers import fallback
from grokbench.launchers.interface import Measurement, Worker
from grokbench.records import Cell, Outcome, Run
from grokbench.seeds import format_seeds
from grokbench.text.headline import headline

__all__ = ["GroupSizeProbe", "Profiling", "Timekeeping", "Training"]

# Keys of provenance on which numbers depend, besides the cell's identity, the group and the plugins' sources (see
# `CheckpointFile.facts`). The git commit is left out, because otherwise every commit would invalidate the checkpoints
# of a long run. The identity includes the engine's REVISION. If the engine is edited without a new revision, old
# checkpoints and old runs remain valid.
NUMBERS_DEPEND_ON = ("torch", "machine", "device_name", "measured")
SHORT = "compiling would take longer than it saves"
HEARTBEAT = 0.2  # minimum seconds between two progress events of a group


@dataclass(frozen=True)
class _OfOneCell:
    """The common base of jobs for one cell."""

    cell: Cell

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
        checkpoints: a folder for the group's checkpoint, and the seconds between two checkpoints. None: no checkpoint
            is written.
        compiled: True to train by compiled code, unless compiled code of the cell has failed before.
        slower: the failure because of which the group trains without compiled code; None if nothing failed.
    """

    seeds: tuple[int, ...]
    missing: frozenset[int]
    checkpoints: tuple[str, float] | None = None
    compiled: bool = False
    slower: str | None = None

    resumable = True

    @property
    def name(self) -> str:
        """The names of the cell and of its seeds."""
        return f"{self.cell.name}, {'seed' if len(self.seeds) == 1 else 'seeds'} {format_seeds(self.seeds)}"

    def without(self, done: Collection[int]) -> "Training | None":
        """Return the job without the seeds in `done`, whose runs have been received; None if no run is missing."""
        left = self.missing.difference(done)
        return replace(self, missing=left) if left else None

    def without_compiled_code(self, why: str) -> "Training | None":
        """Return the job without compiled code, and note the reason for the later groups of the cell."""
        if not self.compiled:
            return None
        if self.checkpoints:
            fallback.note(self.checkpoints[0], why)
        return replace(self, compiled=False, slower=why)

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield the missing runs and their weights, and the progress at most every HEARTBEAT seconds.

        If the compiler fails, the group starts again without compiled code.
        """
        from grokbench.engine.compiled_graph import CompilationError

        job, done = self._allowed(), set[int]()
        try:
            for event in job._train(worker, registry):
                yield event
                done |= {event.seed} if isinstance(event, Run) else set()
            return
        except CompilationError as error:
            why = headline(str(error))
        if (left := job.without(done)) and (slower := left.without_compiled_code(why)):
            yield Notice(f"{self.name}: {why}; it starts again without compiled code")
            yield from slower._train(worker, registry)

    def _allowed(self) -> "Training":
        """Return the job, without compiled code if another group of the cell has noted a failure."""
        why = fallback.read(self.checkpoints[0]) if self.compiled and self.checkpoints else None
        return replace(self, compiled=False, slower=why) if why else self

    def _train(self, worker: Worker, registry: Any) -> Iterator[Event]:
        from grokbench import engine
        from grokbench.plan import cell_step, check_sources

        check_sources(self.cell, registry)
        step, dtype = cell_step(self.cell, registry), engine.DTYPES[worker.precision]
        provenance = {**worker.provenance, "origins": _origins(self.cell), "measured": dict(self.cell.measured)}
        if imports := _imports(self.cell, registry):
            provenance["imports"] = imports
        if worker.provenance.get("compile") and not self.compiled:
            provenance["pace"] = f"trained without compiled code: {self.slower or SHORT}"
        checkpoint_file_of = self._checkpoint_files(provenance)
        last_progress = time.monotonic()
        settings = (worker.device, dtype, provenance, checkpoint_file_of, self.compiled)
        for event in engine.train(self.cell, step, self.seeds, *settings):
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
        if self.compiled:
            facts["compiled"] = True
        if self.cell.weights.epochs:  # an earlier checkpoint may be past an epoch that is requested now
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
    """Return the versions of the packages that the cell's user plugins import."""
    plugins = [registry.get(*name.split(".", maxsplit=1)) for name in cell.origins]
    return {name: version for plugin in plugins for name, version in plugin.imports.items()}


@dataclass(frozen=True)
class Timekeeping(Measurement):
    """The cells of a task, to be timed in turns.

    Attributes:
        cells: the cells, with distinct identities.
    """

    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The name of the task."""
        return f"seconds per epoch of {self.cells[0].task}"

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
class Profiling(_OfOneCell, Measurement):
    """A cell to profile; nothing is stored.

    Attributes:
        cell: the cell to profile.
        seeds: the seeds of the group that is trained while profiling.
    """

    seeds: tuple[int, ...]

    def run(self, worker: Worker, registry: Any) -> Iterator[Event]:
        """Yield the profile."""
        from grokbench import engine
        from grokbench.engine import profiling
        from grokbench.plan import cell_step

        dtype = engine.DTYPES[worker.precision]
        yield profiling.profile(self.cell, cell_step(self.cell, registry), self.seeds, worker.device, dtype)

    def failed(self, error: str) -> Iterator[Run]:
        """Yield a failed run with the traceback; this run is not stored."""
        yield Run(self.cell.identity, self.seeds[0], Outcome.FAILED, None, None, 0, group=self.seeds, error=error)


@dataclass(frozen=True)
class GroupSizeProbe(_OfOneCell, Measurement):
    """A measurement of a cell's group size on the worker's device."""

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
