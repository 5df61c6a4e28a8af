"""A manifest: the planned contents of a results folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from grokbench.records.bounds import JsonObject, Seeds
from grokbench.records.cell import Cell
from grokbench.records.published import Published
from grokbench.records.statistics import Statistics

__all__ = ["MOST_REPLICAS", "Manifest", "Planned", "Skip"]

MOST_REPLICAS = 500_000  # most replicas of a folder; reading the folder looks for a file of each
Cells = Annotated[tuple[Cell, ...], Field(max_length=100_000)]


@dataclass(frozen=True)
class Skip:
    """A cell left out of a suite.

    Attributes:
        task: the label of the task.
        regularizer: the label of the regularizer.
        why: the reason, which the leaderboard prints.
    """

    task: str
    regularizer: str
    why: str


@dataclass(frozen=True)
class Manifest:
    """The planned contents of a results folder, which include the planned family of comparisons.

    Attributes:
        suite: the name of the suite.
        description: the description of the suite.
        baseline: the label of the regularizer against which the others are tested.
        seeds: every seed planned for this folder, in order.
        cells: every planned cell, run or not, in the order of the suite.
        skipped: cells that the suite leaves out.
        statistics: the statistics of the comparisons.
        published: published numbers to compare with; None if there are none.
        execution: `device` (the kind), `precision`, `engine` (the revision) and, if they were set, `group_size` and
            `compile`.
        declared_seeds: the suite's full list of seeds; `seeds` may be a part of this list. Empty in a manifest of an
            earlier version.
        withdrawn: cells that the suite no longer has, although replicas had finished under the declaration with these
            cells. Their comparisons stay in the family in which they were declared.
        protocol: the name of the frozen rules that the suite follows; empty if it names none.
    """

    suite: str
    description: str
    baseline: str
    seeds: Seeds
    cells: Cells
    skipped: tuple[Skip, ...] = ()
    statistics: Statistics = Statistics()
    published: Published | None = None
    execution: JsonObject = field(default_factory=dict)
    declared_seeds: Seeds = ()
    withdrawn: Cells = ()
    protocol: str = ""

    def __post_init__(self) -> None:
        """Refuse a plan that counts a replica twice, because a file may have been edited."""
        labels = [cell.key for cell in self.cells]
        if len(set(self.seeds)) < len(self.seeds) or len(set(labels)) < len(labels):
            raise ValueError("a seed or a cell is planned twice")
        if len(set(self.declared_seeds)) < len(self.declared_seeds):
            raise ValueError("a seed is declared twice")
        known = {*labels, *((skip.task, skip.regularizer) for skip in self.skipped)}
        for cell in self.cells:
            if cell.budget < 1 or cell.evaluate_every < 1:
                got = f"got {cell.budget} and {cell.evaluate_every}"
                raise ValueError(f"budget and evaluate_every must be at least 1, {got}")
            for other in cell.compare_to:
                if (cell.task, other) not in known:
                    expected = "a regularizer that is planned or skipped for this task"
                    raise ValueError(f"compare_to of {cell.name} names {other!r}, expected {expected}")

    @property
    def replicas(self) -> int:
        """The number of replicas of the folder, those of withdrawn cells included."""
        return (len(self.cells) + len(self.withdrawn)) * len(self.seeds)

    @property
    def full_seeds(self) -> tuple[int, ...]:
        """The suite's full list of seeds; if the manifest does not contain it, the seeds of the folder."""
        return self.declared_seeds or self.seeds

    @property
    def unfinished(self) -> bool:
        """True if the folder plans only a part of the suite's seeds; tests are then made only at declared looks."""
        return not set(self.full_seeds) <= set(self.seeds)

    @property
    def comparisons(self) -> int:
        """The number of planned comparisons, finished or not: those with baselines, and those by `compare_to`.

        Comparisons of the same two recipes count once. A comparison of two cells with the same recipe does not count.
        """
        identities = {cell.key: cell.identity for cell in self.cells}
        pairs = {
            (cell.identity, identities.get((cell.task, other), ""))
            for cell in self.cells
            for other in (self.baseline, *cell.compare_to)
            if cell.regularizer != other
        }
        return sum(method != other for method, other in pairs)

    @property
    def tests(self) -> int:
        """The number of tests over which a p is corrected."""
        return self.statistics.tests(self.comparisons)


@dataclass(frozen=True)
class Planned:
    """The work that a command is about to do in a results folder.

    Attributes:
        manifest: the planned contents of the folder.
        cells: the cells that the command trains, in the order of the suite.
        seeds: the seeds that the command trains, the same for every cell.
        folder: the results folder.
    """

    manifest: Manifest
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    folder: Path
