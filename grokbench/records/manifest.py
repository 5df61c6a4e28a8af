"""A manifest: the planned contents of a results folder."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from grokbench.records.cell import Cell

__all__ = ["Manifest", "Planned", "Published", "Skip", "Spread", "Statistics"]


@dataclass(frozen=True)
class Skip:
    """A cell left out of a suite.

    Attributes:
        task: its label.
        regularizer: its label.
        why: the reason, which the leaderboard prints.
    """

    task: str
    regularizer: str
    why: str


CHOICES = {
    "primary": ("sign_flip", "paired_t", "wilcoxon", "logrank"),
    "correction": ("holm", "none"),
    "rank_by": ("first", "lasting"),
}


@dataclass(frozen=True)
class Statistics:
    """The comparison of a suite's cells with its baseline.

    Attributes:
        primary: the test behind `p_holm`: "sign_flip", "paired_t", "wilcoxon" or "logrank".
        correction: "holm" or "none".
        alpha: level of the test.
        confidence: of intervals.
        rank_by: the crossing that is a replica's time: "first", or "lasting" where every task holds.
        equivalence: the margin within which a ratio counts as no effect, such as 0.05 for 5%. None: not tested.
        interim_looks: numbers of seeds, ascending, at which a group-sequential design tests; the last is the suite's
            full number. Empty for one test at the end.

    Raises:
        ValueError: the looks are not ascending numbers of seeds, or another field has no meaning.
    """

    primary: str = "sign_flip"
    correction: str = "holm"
    alpha: float = 0.05
    confidence: float = 0.95
    rank_by: str = "first"
    equivalence: float | None = None
    interim_looks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse statistics that cannot be computed: a file may have been edited."""
        looks = (0, *self.interim_looks)
        if any(one >= other for one, other in pairwise(looks)):
            raise ValueError(f"interim_looks {self.interim_looks}")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r}, expected one of {', '.join(allowed)}")
        if not (0 < self.alpha < 1 and 0 < self.confidence < 1 and 0 < (self.equivalence or 0.5) < 1):
            raise ValueError("alpha, confidence and equivalence lie between 0 and 1")

    def tests(self, comparisons: int) -> int:
        """Count the tests a p is corrected for: with Holm all planned comparisons, without a correction its own."""
        return comparisons if self.correction == "holm" else 1

    def deciding(self, primary: float | None, adjusted: float | None) -> float | None:
        """Select the p that decides significance: the adjusted one, or without any adjustment that of the primary test.

        Args:
            primary: p of the primary test.
            adjusted: that p adjusted for looks, if the suite has any, and by Holm, if it corrects; None without either.
        """
        return adjusted if self.adjusts else primary

    @property
    def adjusts(self) -> bool:
        """True if the p of the primary test does not decide by itself."""
        return self.correction == "holm" or bool(self.interim_looks)

    @property
    def name_of_p(self) -> str:
        """The name of that p in a sentence."""
        if self.correction == "holm":
            return "Holm p"
        return "sequential p" if self.interim_looks else "uncorrected p"


@dataclass(frozen=True)
class Spread:
    """The spread of a published mean over seeds; None stands where it is not published.

    Attributes:
        std: standard deviation over seeds.
        seeds: their number.
    """

    std: float | None = None
    seeds: int | None = None

    def __post_init__(self) -> None:
        """Refuse a spread that has no standard error: a file may have been edited."""
        if self.std is not None and not (0 <= self.std < math.inf and (self.seeds or 0) >= 2):
            raise ValueError("a published standard deviation without its seeds")


@dataclass(frozen=True)
class Published:
    """Published means to compare with.

    Attributes:
        source: the publication.
        epochs: task label -> regularizer label -> mean epochs to grok.
        seconds: task label -> regularizer label -> mean seconds to grok.
        metrics: metric label -> task label -> regularizer label -> mean final value.
        spreads: "epochs" or "seconds" -> task label -> regularizer label -> the spread of that mean, where published.
    """

    source: str
    epochs: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    spreads: Mapping[str, Mapping[str, Mapping[str, Spread]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse means that cannot be divided by: a file may have been edited."""
        means = [mean for unit in (self.epochs, self.seconds) for row in unit.values() for mean in row.values()]
        if not all(0.0 < mean < math.inf for mean in means):
            raise ValueError("a published mean that is not a positive number")
        finals = [value for tasks in self.metrics.values() for row in tasks.values() for value in row.values()]
        if not all(map(math.isfinite, finals)):
            raise ValueError("a published value that is not finite")

    def finals(self, task: str, regularizer: str) -> dict[str, float]:
        """Select the published final values of a cell, by metric."""
        found = {label: tasks.get(task, {}).get(regularizer) for label, tasks in self.metrics.items()}
        return {label: value for label, value in found.items() if value is not None}


@dataclass(frozen=True)
class Manifest:
    """The planned contents of a results folder, and with them the planned family of comparisons.

    Attributes:
        suite: its name.
        description: of the suite.
        baseline: label of the regularizer that the others are tested against.
        seeds: every seed planned for this folder, in order.
        cells: every planned cell, run or not, in the order of the suite.
        skipped: cells that the suite leaves out.
        statistics: of the comparisons.
        published: numbers to compare with; None without any.
        execution: `device` (the kind), `precision`, `engine` (the revision) and, where it was set, `group_size`.
        declared_seeds: the suite's full list, of which `seeds` may be a part. Empty in one of an earlier version.
        withdrawn: cells that the suite had when some of its replicas finished, and has no longer: their comparisons
            stay in the family of their declaration.
    """

    suite: str
    description: str
    baseline: str
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    skipped: tuple[Skip, ...] = ()
    statistics: Statistics = Statistics()
    published: Published | None = None
    execution: Mapping[str, Any] = field(default_factory=dict)
    declared_seeds: tuple[int, ...] = ()
    withdrawn: tuple[Cell, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a plan that counts a replica twice: a file may have been edited."""
        labels = [cell.key for cell in self.cells]
        if len(set(self.seeds)) < len(self.seeds) or len(set(labels)) < len(labels):
            raise ValueError("a seed or a cell is planned twice")
        known = {*labels, *((skip.task, skip.regularizer) for skip in self.skipped)}
        for cell in self.cells:
            if cell.budget < 1 or cell.evaluate_every < 1:
                raise ValueError(f"budget {cell.budget}, evaluate_every {cell.evaluate_every}")
            if any((cell.task, other) not in known for other in cell.compare_to):
                raise ValueError(f"compare_to {cell.compare_to}, of which one is not planned")

    @property
    def full_seeds(self) -> tuple[int, ...]:
        """The suite's full list of seeds; those of the folder where the manifest does not say it."""
        return self.declared_seeds or self.seeds

    @property
    def unfinished(self) -> bool:
        """True if the folder plans a part of the suite's seeds only: nothing is tested but at declared looks."""
        return not set(self.full_seeds) <= set(self.seeds)

    @property
    def comparisons(self) -> int:
        """The number of planned comparisons with baselines and by `compare_to`, finished or not.

        Two labels of one recipe count once. A copy of the cell that it would be compared with does not count.
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
        """The number of tests that a p is corrected for."""
        return self.statistics.tests(self.comparisons)


@dataclass(frozen=True)
class Planned:
    """The work that a command is about to do in a results folder.

    Attributes:
        manifest: everything that the folder is meant to hold.
        cells: those wanted now, in the order of the suite.
        seeds: those wanted now, of every cell.
        folder: of the results.
    """

    manifest: Manifest
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    folder: Path
