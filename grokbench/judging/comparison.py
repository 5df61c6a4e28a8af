"""Runs -> Comparisons: every planned cell paired with its task's baseline by planned seed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grokbench.judging.effects import Effect, effect, obstacle
from grokbench.judging.note import Note
from grokbench.judging.outcomes import Measured
from grokbench.records import Cell, Manifest, Run, Timing

__all__ = ["Comparison", "Comparisons", "compare"]

ENVIRONMENT = (
    "device",
    "device_name",
    "machine",
    "torch",
    "precision",
    "grokbench",
    "git",
    "engine",
)  # keys of a run's provenance


@dataclass(frozen=True)
class Comparison:
    """One cell and its comparison with the baseline of its task.

    Attributes:
        measured: the cell.
        baseline: the baseline's cell on this task; the same object as `measured` for the baseline itself.
        effect: of the method; None where there is an obstacle, and for the baseline itself.
        obstacle: why there is no effect; None where there is one, and for the baseline itself.
    """

    measured: Measured
    baseline: Measured | None
    effect: Effect | None
    obstacle: Note | None

    @property
    def is_baseline(self) -> bool:
        """True for the cell that the others are compared with."""
        return self.measured is self.baseline


@dataclass(frozen=True)
class Comparisons:
    """Every planned cell of a folder, compared: the family over which `rank` corrects.

    Attributes:
        manifest: the plan.
        cells: in the order of the suite.
        environment: key of provenance -> its value, a list where runs differ, None if unknown.
    """

    manifest: Manifest
    cells: tuple[Comparison, ...]
    environment: Mapping[str, Any]


def compare(manifest: Manifest, runs: Iterable[Run], timings: Iterable[Timing] = ()) -> Comparisons:
    """Pair each planned cell with its task's baseline over the planned seeds.

    A cell gets an obstacle and no effect, never an effect on fewer seeds, where its replicas or the baseline's failed
    or are missing, and where budget or cadence differ from the baseline's.

    Args:
        manifest: the plan.
        runs: those of other cells or seeds than the plan's are ignored.
        timings: the same.
    """
    by_replica = {(run.identity, run.seed): run for run in runs}
    timed = list(timings)

    def measure(cell: Cell) -> Measured:
        mine = tuple(by_replica.get((cell.identity, seed)) for seed in manifest.seeds)
        of_cell = tuple(timing for timing in timed if timing.identity == cell.identity)
        return Measured(cell, mine, of_cell, manifest.statistics.rank_by)

    cells = [measure(cell) for cell in manifest.cells]
    baselines = {each.cell.task: each for each in cells if each.cell.regularizer == manifest.baseline}
    confidence = manifest.statistics.confidence
    compared = tuple(_compare(baselines.get(each.cell.task), each, confidence) for each in cells)
    return Comparisons(manifest, compared, _environment(cells))


def _compare(baseline: Measured | None, method: Measured, confidence: float) -> Comparison:
    if baseline is method:
        return Comparison(method, baseline, None, None)
    why_not = obstacle(baseline, method)
    if why_not is not None or baseline is None:
        return Comparison(method, baseline, None, why_not)
    return Comparison(method, baseline, effect(baseline, method, confidence), None)


def _environment(cells: Iterable[Measured]) -> dict[str, Any]:
    """Collect the provenance of the runs under each key of ENVIRONMENT."""
    found: dict[str, list[Any]] = {key: [] for key in ENVIRONMENT}
    for run in (run for each in cells for run in each.finished):
        for key, values in found.items():
            if key in run.provenance and run.provenance[key] not in values:
                values.append(run.provenance[key])
    return {key: values if len(values) > 1 else next(iter(values), None) for key, values in found.items()}
