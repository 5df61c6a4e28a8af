"""Records of plans: the cells of a suite, the manifest of a results folder, and the part that a command runs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Cell", "Manifest", "Planned", "Published", "Skip", "Statistics"]


@dataclass(frozen=True)
class Cell:
    """One task x one regularizer, every parameter resolved.

    Attributes:
        task: its label in the suite.
        regularizer: its label in the suite.
        identity: the hash of `recipe`, which names the cell on disk.
        recipe: all that decides when a replica groks, as canonical JSON data.
        budget: epochs.
        evaluate_every: epochs between two evaluations.
        metrics: label -> "higher" or "lower", the direction that is better; None where neither is.
        measured: metric label -> its plugin, parameters and cadence.
        privileges: means of the method that the baseline does not have.
        origins: plugin -> its source, with a digest.
    """

    task: str
    regularizer: str
    identity: str
    recipe: Mapping[str, Any]
    budget: int
    evaluate_every: int
    metrics: Mapping[str, str | None]
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    privileges: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Its labels, which differ between two rows even where their recipes are the same."""
        return self.task, self.regularizer

    @property
    def name(self) -> str:
        """Its labels in a sentence."""
        return f"{self.task} / {self.regularizer}"

    @property
    def criterion(self) -> str:
        """The criterion of grokking in words: `test_accuracy > 0.90`; empty where the recipe does not record it."""
        return " and ".join(f"{label} {condition}" for label, condition in (self.recipe.get("grokked") or {}).items())


@dataclass(frozen=True)
class Skip:
    """A cell left out of a suite.

    Attributes:
        task: its label in the suite.
        regularizer: its label in the suite.
        why: the reason, which the leaderboard prints.
    """

    task: str
    regularizer: str
    why: str


@dataclass(frozen=True)
class Statistics:
    """The statistics that compare a suite's cells with its baseline.

    Attributes:
        primary: the test behind p_holm: sign_flip, paired_t, wilcoxon or logrank.
        correction: holm, or none.
        alpha: the significance level.
        confidence: the level of confidence intervals.
    """

    primary: str = "sign_flip"
    correction: str = "holm"
    alpha: float = 0.05
    confidence: float = 0.95

    def tests(self, comparisons: int) -> int:
        """Count the tests that a p is corrected for: with Holm all planned comparisons, without a correction one."""
        return comparisons if self.correction == "holm" else 1


@dataclass(frozen=True)
class Published:
    """Published means to compare with, all positive.

    Attributes:
        source: the publication.
        epochs: task label -> regularizer label -> mean epochs to grok.
        seconds: task label -> regularizer label -> mean seconds to grok.

    Raises:
        ValueError: a mean is not a positive number.
    """

    source: str
    epochs: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse means that cannot be divided by: a file may have been edited."""
        means = [mean for unit in (self.epochs, self.seconds) for row in unit.values() for mean in row.values()]
        if not all(0.0 < mean < math.inf for mean in means):
            raise ValueError("a published mean that is not a positive number")


@dataclass(frozen=True)
class Manifest:
    """The plan of a results folder: the planned family of comparisons.

    Attributes:
        suite: its name.
        description: that of the suite file; may be empty.
        baseline: the label of the regularizer that the others are tested against.
        seeds: every planned seed, in order.
        cells: every planned cell, run or not, in the order of the suite.
        skipped: the cells left out.
        statistics: how the cells are compared.
        published: published numbers. None: the suite has none.
        execution: device kind, precision and engine revision.

    Raises:
        ValueError: a seed or a cell is planned twice.
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

    def __post_init__(self) -> None:
        """Refuse a plan that counts a replica twice: a file may have been edited."""
        labels = [cell.key for cell in self.cells]
        if len(set(self.seeds)) < len(self.seeds) or len(set(labels)) < len(labels):
            raise ValueError("a seed or a cell is planned twice")

    @property
    def comparisons(self) -> int:
        """The size of the planned family: every cell but the baseline's, finished or not."""
        return sum(cell.regularizer != self.baseline for cell in self.cells)

    @property
    def tests(self) -> int:
        """The number of tests that a p is corrected for."""
        return self.statistics.tests(self.comparisons)


@dataclass(frozen=True)
class Planned:
    """The plan of one command in a results folder.

    Attributes:
        manifest: the plan of the folder: every cell and every seed.
        cells: those of this command, in the order of the suite.
        seeds: those of this command, for each of its cells.
        folder: of the results.
    """

    manifest: Manifest
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    folder: Path
