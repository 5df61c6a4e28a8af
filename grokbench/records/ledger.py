"""The ledger of a results folder: what its suite declared and when the folder was judged, in order of time.

Holm's family consists of the comparisons that a suite declared before it ran. A manifest says what is planned now; the
ledger says what was declared earlier. Therefore the p of a comparison does not change if another comparison is deleted,
or is added after a look.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from grokbench.records.bounds import Count, Every, Labels, Seeds
from grokbench.records.cell import Cell
from grokbench.records.manifest import Manifest
from grokbench.records.run import Run
from grokbench.records.statistics import Statistics

__all__ = ["Declaration", "DeclaredCell", "History", "Ledger", "Look", "Pair"]

Pair = tuple[str, str]  # the identities of a method's cell and of the cell with which it is compared


@dataclass(frozen=True)
class DeclaredCell:
    """A cell of a declaration.

    Attributes:
        task: the label of the task.
        regularizer: the label of the regularizer.
        identity: the hash of the recipe.
        compare_to: labels of the regularizers with which it is compared, besides the baseline.
        budget: the maximum number of epochs. None: not recorded.
        evaluate_every: epochs between evaluations. None: not recorded.
    """

    task: str
    regularizer: str
    identity: str
    compare_to: Labels = ()
    budget: Every | None = None
    evaluate_every: Every | None = None

    @classmethod
    def of(cls, cell: Cell) -> "DeclaredCell":
        """Select those facts of a cell that a declaration contains."""
        return cls(cell.task, cell.regularizer, cell.identity, cell.compare_to, cell.budget, cell.evaluate_every)


@dataclass(frozen=True)
class Declaration:
    """A declaration: the plan of a suite before it runs.

    Attributes:
        baseline: label of the regularizer that the others are compared with.
        cells: all cells of the suite, even if only a part of the suite is run.
        seeds: the full list of the suite's seeds.
        statistics: the tests, their level and the looks.
        event: always "declaration"; it distinguishes this record from a look in the ledger file.
    """

    baseline: str
    cells: tuple[DeclaredCell, ...]
    seeds: Seeds
    statistics: Statistics = Statistics()
    event: Literal["declaration"] = "declaration"

    @classmethod
    def of(cls, manifest: Manifest) -> "Declaration":
        """Make the declaration of a manifest."""
        cells = tuple(map(DeclaredCell.of, manifest.cells))
        return cls(manifest.baseline, cells, manifest.full_seeds, manifest.statistics)

    def comparisons(self) -> dict[Pair, str]:
        """Map each comparison to its name: `task / method` or `task / method against other`.

        Comparisons of the same two recipes count once. A comparison of two cells with the same recipe is left out,
        because there is nothing to test.
        """
        found: dict[Pair, str] = {}
        for pair, name in self._pairs():
            if pair[0] != pair[1]:
                found.setdefault(pair, name)
        return found

    def _pairs(self) -> Iterator[tuple[Pair, str]]:
        by_label = {(cell.task, cell.regularizer): cell.identity for cell in self.cells}
        for cell in self.cells:
            name = f"{cell.task} / {cell.regularizer}"
            if cell.regularizer != self.baseline:
                yield (cell.identity, by_label.get((cell.task, self.baseline), "")), name
            for other in cell.compare_to:
                yield (cell.identity, by_label.get((cell.task, other), "")), f"{name} against {other}"


@dataclass(frozen=True)
class Look:
    """The state of a folder when it was judged, or when a command that opened it found newly finished replicas.

    Attributes:
        seeds: the number of seeds that the folder planned.
        finished: identity of a cell -> how many of its seeds had finished.
        event: always "look"; it distinguishes this record from a declaration in the ledger file.
    """

    seeds: Count
    finished: Mapping[str, Count] = field(default_factory=dict)
    event: Literal["look"] = "look"

    def judged(self, pair: Pair) -> bool:
        """Return whether the comparison was complete at this look; its estimate was then shown."""
        return self.seeds > 0 and all(self.finished.get(identity, 0) >= self.seeds for identity in pair)


@dataclass(frozen=True)
class Ledger:
    """The events of a folder.

    Attributes:
        events: the events, in the order in which they happened. Empty for a folder of an earlier version.
    """

    events: tuple[Declaration | Look, ...] = ()

    @property
    def declared(self) -> Declaration | None:
        """The last declaration; None without any."""
        return next((event for event in reversed(self.events) if isinstance(event, Declaration)), None)

    @property
    def looked(self) -> Look | None:
        """The last look; None without any."""
        return next((event for event in reversed(self.events) if isinstance(event, Look)), None)


@dataclass(frozen=True)
class History:
    """The part of a folder's past on which its judgement depends.

    Attributes:
        ledger: what was declared, and when the folder was judged.
        runs: the runs of cells that the suite no longer has, see `Manifest.withdrawn`.
    """

    ledger: Ledger = Ledger()
    runs: tuple[Run, ...] = ()
