"""Runs -> Comparisons: every planned cell paired with its task's baseline by planned seed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from grokbench.judging.effects import Effect, effect, obstacle
from grokbench.judging.identical import Curves, identical
from grokbench.judging.looks import is_tested, untested
from grokbench.judging.note import Note
from grokbench.judging.outcomes import Measured
from grokbench.records import Cell, History, Manifest, Run, Timing

__all__ = ["Comparison", "Comparisons", "RowContrast", "compare"]

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
class RowContrast:
    """The comparison of a cell with another one than the baseline, which the suite asks for by `compare_to`.

    Attributes:
        label: of the other cell's regularizer.
        effect: of the method, with the other cell in place of the baseline; None where there is an obstacle.
        obstacle: why there is no effect; None where there is one.
    """

    label: str
    effect: Effect | None
    obstacle: Note | None


@dataclass(frozen=True)
class Comparison:
    """One cell and its comparison with the baseline of its task.

    Attributes:
        measured: the cell.
        baseline: the baseline's cell on this task; the same object as `measured` for the baseline itself.
        effect: of the method; None where there is an obstacle, and for the baseline itself.
        obstacle: why there is no effect; None where there is one, and for the baseline itself.
        others: the comparisons with other cells, in the order of the suite.
        identical: the label of a row whose curves it equals, see `identical`: the baseline, or the same method with
            other settings of the optimizer. Empty without one.
    """

    measured: Measured
    baseline: Measured | None
    effect: Effect | None
    obstacle: Note | None
    others: tuple[RowContrast, ...] = ()
    identical: str = ""

    @property
    def is_baseline(self) -> bool:
        """True for the cell that the others are compared with."""
        return self.measured is self.baseline

    @property
    def is_copy(self) -> bool:
        """True for another cell with the baseline's recipe, of which there is nothing to test."""
        return not self.is_baseline and _copies(self.baseline, self.measured)


@dataclass(frozen=True)
class Comparisons:
    """Every planned cell of a folder, compared: the family over which `rank` corrects.

    Attributes:
        manifest: the plan.
        cells: in the order of the suite.
        environment: key of provenance -> its value, a list where runs differ, None if unknown.
        history: of the folder.
        withdrawn: the cells that the suite has no longer, and that stay in the family of their declaration.
    """

    manifest: Manifest
    cells: tuple[Comparison, ...]
    environment: Mapping[str, Any]
    history: History = History()
    withdrawn: tuple[Measured, ...] = ()


def compare(
    manifest: Manifest,
    runs: Iterable[Run],
    timings: Iterable[Timing] = (),
    curves: Curves | None = None,
    history: History = History(),  # noqa: B008 - frozen
) -> Comparisons:
    """Pair each planned cell with its task's baseline over the planned seeds.

    A cell gets an obstacle and no effect, never an effect on fewer seeds, where its replicas or the baseline's failed
    or are missing, and where budget or cadence differ from the baseline's.

    Args:
        manifest: the plan.
        runs: those of other cells or seeds than the plan's are ignored.
        timings: the same.
        curves: reads the run of a cell and a seed with its curves, where `runs` come without.
        history: what the folder remembers; without one, its family is what the manifest says.
    """
    by_replica = {(run.identity, run.seed): run for run in (*history.runs, *runs)}
    timed = list(timings)

    def measure(cell: Cell) -> Measured:
        mine = tuple(by_replica.get((cell.identity, seed)) for seed in manifest.seeds)
        of_cell = tuple(timing for timing in timed if timing.identity == cell.identity)
        return Measured(cell, mine, of_cell, manifest.statistics.rank_by)

    cells = [measure(cell) for cell in manifest.cells]
    by_key = {each.cell.key: each for each in cells}

    def compared(each: Measured) -> Comparison:
        baseline = by_key.get((each.cell.task, manifest.baseline))
        others = ((label, by_key.get((each.cell.task, label))) for label in each.cell.compare_to)
        contrasts = tuple(RowContrast(label, *_effect(other, each, manifest, label)) for label, other in others)
        if baseline is each:
            return Comparison(each, baseline, None, None, contrasts)
        twins = [one for one in (baseline, *_twins(each, cells)) if one and identical(one, each, curves)]
        same = twins[0].cell.regularizer if twins else ""
        return Comparison(each, baseline, *_effect(baseline, each, manifest), contrasts, same)

    withdrawn = tuple(map(measure, manifest.withdrawn))
    return Comparisons(manifest, tuple(map(compared, cells)), _environment(cells), history, withdrawn)


def _twins(method: Measured, cells: Iterable[Measured]) -> list[Measured]:
    """List the cells with the same task and methods whose settings of the optimizer are others."""
    mine = method.cell.recipe
    if mine.optimizer is None:
        return []
    others = [
        each for each in cells if each.cell.task == method.cell.task and each.cell.optimizer != method.cell.optimizer
    ]
    return [each for each in others if replace(each.cell.recipe, optimizer=mine.optimizer, budget=mine.budget) == mine]


def _effect(
    baseline: Measured | None, method: Measured, manifest: Manifest, name: str = "the baseline"
) -> tuple[Effect | None, Note | None]:
    """Give the effect of a method, or the obstacle to it."""
    why_not = obstacle(baseline, method, name)
    if why_not is not None or baseline is None:
        return None, why_not
    found = effect(baseline, method, manifest.statistics.confidence)
    return found if is_tested(manifest) and not _copies(baseline, method) else untested(found), None


def _copies(baseline: Measured | None, method: Measured) -> bool:
    return baseline is not None and baseline.cell.identity == method.cell.identity


def _environment(cells: Iterable[Measured]) -> dict[str, Any]:
    """Collect the provenance of the runs under each key of ENVIRONMENT."""
    found: dict[str, list[Any]] = {key: [] for key in ENVIRONMENT}
    for run in (run for each in cells for run in each.finished):
        for key, values in found.items():
            if key in run.provenance and run.provenance[key] not in values:
                values.append(run.provenance[key])
    return {key: values if len(values) > 1 else next(iter(values), None) for key, values in found.items()}
