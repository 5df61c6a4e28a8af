"""What training and judging share: plain data, no torch.

A `Manifest` says what a results folder is meant to hold, a `Run` what one replica did, a `Timing` what one cell costs.
`store` keeps all three, and judging reads nothing else. A `Planned` tells observers what a command is about to do.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = [
    "FORMAT",
    "Cell",
    "Curve",
    "Manifest",
    "Outcome",
    "Planned",
    "Published",
    "Run",
    "Skip",
    "Statistics",
    "Timing",
]

FORMAT = 1  # of the files in a results folder


class Outcome(StrEnum):
    """How a replica ended."""

    GROKKED = "grokked"  # every condition of the criterion held at an evaluation
    CENSORED = "censored"  # the budget was reached first
    DIVERGED = "diverged"  # a non-finite loss or penalty: counts as not grokked by the budget
    FAILED = "failed"  # an error, kept with its traceback; the replica is repeated by the next run


@dataclass(frozen=True)
class Cell:
    """One task x one regularizer, every parameter resolved."""

    task: str  # label in the suite
    regularizer: str  # label in the suite
    identity: str  # hash of `recipe`: the name of this cell on disk
    recipe: Mapping[str, Any]  # all that decides when a replica groks, as canonical JSON data
    budget: int  # epochs
    evaluate_every: int  # epochs
    metrics: Mapping[str, str | None]  # label -> "higher" or "lower" (is better), None where neither
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # metric label -> plugin, parameters, every
    privileges: tuple[str, ...] = ()  # what the method uses that the baseline does not have
    origins: Mapping[str, str] = field(default_factory=dict)  # plugin -> where it came from, with a source digest

    @property
    def key(self) -> tuple[str, str]:
        """Its labels: what tells two rows apart even where their recipes are the same."""
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
    """A cell left out of a suite, with the reason the leaderboard prints."""

    task: str
    regularizer: str
    why: str


@dataclass(frozen=True)
class Statistics:
    """How a suite's cells are compared with its baseline."""

    primary: str = "sign_flip"  # the test behind p_holm: sign_flip, paired_t, wilcoxon or logrank
    correction: str = "holm"  # holm, or none
    alpha: float = 0.05
    confidence: float = 0.95

    def tests(self, comparisons: int) -> int:
        """What a p has to survive: with Holm all planned comparisons, without a correction its own."""
        return comparisons if self.correction == "holm" else 1


@dataclass(frozen=True)
class Published:
    """Published means, task label -> regularizer label -> epochs, and seconds, to grok."""

    source: str
    epochs: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be divided by: a file may have been edited."""
        means = [mean for unit in (self.epochs, self.seconds) for row in unit.values() for mean in row.values()]
        if not all(0.0 < mean < math.inf for mean in means):
            raise ValueError("a published mean that is not a positive number")


@dataclass(frozen=True)
class Manifest:
    """What a results folder is meant to hold: the planned family of comparisons."""

    suite: str
    description: str
    baseline: str  # label of the regularizer the others are tested against
    seeds: tuple[int, ...]  # every seed planned for this folder, in order
    cells: tuple[Cell, ...]  # all planned cells, run or not, in the order of the suite
    skipped: tuple[Skip, ...] = ()
    statistics: Statistics = Statistics()
    published: Published | None = None
    execution: Mapping[str, Any] = field(default_factory=dict)  # device kind, precision, engine revision

    def __post_init__(self) -> None:
        """Refuse a plan that counts a replica twice: a file may have been edited."""
        labels = [cell.key for cell in self.cells]
        if len(set(self.seeds)) < len(self.seeds) or len(set(labels)) < len(labels):
            raise ValueError("a seed or a cell is planned twice")

    @property
    def comparisons(self) -> int:
        """The planned family: every cell but the baseline's, finished or not."""
        return sum(cell.regularizer != self.baseline for cell in self.cells)

    @property
    def tests(self) -> int:
        """How many of them a p is corrected for."""
        return self.statistics.tests(self.comparisons)


@dataclass(frozen=True)
class Planned:
    """What a command is about to do in a results folder."""

    manifest: Manifest  # all that the folder is meant to hold
    cells: tuple[Cell, ...]  # those wanted now, in the order of the suite
    seeds: tuple[int, ...]  # those wanted now, of every cell
    folder: Path  # of the results


@dataclass(frozen=True)
class Curve:
    """One metric over a run: `values[i]` was measured after `epochs[i]` completed epochs."""

    epochs: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what was not measured in pairs: a file may have been edited."""
        if len(self.epochs) != len(self.values):
            raise ValueError(f"{len(self.epochs)} epochs with {len(self.values)} values")


@dataclass(frozen=True)
class Run:
    """What one replica did."""

    identity: str  # of its cell
    seed: int
    outcome: Outcome
    grokked_at: int | None  # epochs to grok; None unless grokked
    memorised_at: int | None  # epochs to a train accuracy of at least 0.99; None if never
    epochs: int  # epochs completed
    final: Mapping[str, float] = field(default_factory=dict)  # metric label -> value at the last evaluation
    curves: Mapping[str, Curve] = field(default_factory=dict)
    prepare_seconds: float = 0.0  # spent by the regularizer before training
    group: tuple[int, ...] = ()  # the seeds it was trained together with
    provenance: Mapping[str, Any] = field(default_factory=dict)  # device, precision, versions, git, plugin origins
    error: str | None = None  # the traceback of a failed replica

    def __post_init__(self) -> None:
        """Refuse what no replica can have done: a file may have been edited."""
        if (self.outcome is Outcome.GROKKED) != (self.grokked_at is not None):
            raise ValueError(f"outcome {self.outcome.value} with grokked_at {self.grokked_at}")
        if not 0 <= (self.grokked_at or 0) <= self.epochs or not 0 <= (self.memorised_at or 0) <= self.epochs:
            raise ValueError(f"grokked_at {self.grokked_at}, memorised_at {self.memorised_at} of {self.epochs} epochs")
        if not 0.0 <= self.prepare_seconds < math.inf:
            raise ValueError(f"prepare_seconds {self.prepare_seconds}")

    def capped(self, budget: int) -> float:
        """min(T, budget) in epochs, the time that enters every comparison; nan for a failed replica."""
        if self.outcome is Outcome.FAILED:
            return math.nan
        return float(min(self.grokked_at, budget)) if self.grokked_at is not None else float(budget)


@dataclass(frozen=True)
class Timing:
    """Seconds per epoch of one replica of a cell trained alone, evaluation excluded."""

    identity: str  # of its cell
    seconds_per_epoch: tuple[float, ...]  # one figure per round, rounds interleaved over a task's cells
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no clock can have measured: a file may have been edited."""
        if not all(0.0 < seconds < 1e9 for seconds in self.seconds_per_epoch):
            raise ValueError(f"seconds per epoch {self.seconds_per_epoch}")
