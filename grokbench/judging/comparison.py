"""The comparison of runs: every planned cell is paired with its task's baseline by planned seed."""

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
    "compile",
    "grokbench",
    "git",
    "engine",
)  # keys of a run's provenance


@dataclass(frozen=True)
class RowContrast:
    """The comparison of a cell with a cell other than the baseline, which the suite requests by `compare_to`.

    Attributes:
        label: the label of the other cell's regularizer.
        effect: the effect of the method, with the other cell in place of the baseline; None if there is an obstacle.
        obstacle: why there is no effect; None if there is one.
    """

    label: str
    effect: Effect | None
    obstacle: Note | None


@dataclass(frozen=True)
class Comparison:
    """One cell and its comparison with the baseline of its task.

    Attributes:
        measured: the cell.
        baseline: the baseline's cell of the same task; for the baseline itself, the same object as `measured`. None if
            the suite plans no baseline for the task.
        effect: the effect of the method; None if there is an obstacle, and for the baseline itself.
        obstacle: why there is no effect; None if there is one, and for the baseline itself.
        others: the comparisons with other cells, in the order of the suite.
        identical: the label of a row with equal curves, see `identical`: the baseline, or the same method with other
            settings of the optimizer. Empty if there is none.
    """

    measured: Measured
    baseline: Measured | None
    effect: Effect | None
    obstacle: Note | None
    others: tuple[RowContrast, ...] = ()
    identical: str = ""

    @property
    def is_baseline(self) -> bool:
        """True for the cell with which the others are compared."""
        return self.measured is self.baseline

    @property
    def is_copy(self) -> bool:
        """True for another cell with the baseline's recipe, for which there is nothing to test."""
        return not self.is_baseline and _copies(self.baseline, self.measured)


@dataclass(frozen=True)
class Comparisons:
    """The comparisons of a folder, one for each planned cell; `rank` corrects their p's.

    Attributes:
        manifest: the plan.
        cells: the comparison of each cell, in the order of the suite.
        environment: key of provenance -> its value, or a list if runs differ; None if unknown.
        history: the history of the folder.
        withdrawn: the cells that the suite no longer has; they stay in the family of their declaration.
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

    A cell gets an obstacle instead of an effect if replicas of the cell or of the baseline failed or are missing, or if
    budget or cadence differ from the baseline's. An effect on fewer seeds than planned is never computed.

    Args:
        manifest: the plan.
        runs: the runs; those of cells or seeds that are not planned are ignored.
        timings: the timings; those of cells that are not planned are ignored.
        curves: a function that reads the run of a cell and a seed again with its curves; needed if `runs` have none.
        history: the history of the folder; without it, the manifest alone decides the family.
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
    """List the cells with the same task and methods but other settings of the optimizer."""
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
    """Return the effect of a method, or the obstacle to it."""
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
    values_of = {key: values if len(values) > 1 else next(iter(values), None) for key, values in found.items()}
    return {key: value for key, value in values_of.items() if value is not None or key != "compile"}
