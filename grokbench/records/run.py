"""A run: the result of one replica, with its curves; and the seconds of a cell."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Curve", "Outcome", "Run", "Timing"]


class Outcome(StrEnum):
    """The end of a replica.

    Attributes:
        GROKKED: every condition of the criterion held at an evaluation.
        CENSORED: the budget was reached first.
        DIVERGED: a loss or penalty was not finite; counts as not grokked by the budget.
        FAILED: an error, kept with its traceback; the next run repeats the replica.
    """

    GROKKED = "grokked"
    CENSORED = "censored"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass(frozen=True)
class Curve:
    """One metric over a run.

    Attributes:
        epochs: completed epochs at each measurement.
        values: `values[i]` was measured after `epochs[i]`.
    """

    epochs: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse epochs and values of different lengths: a file may have been edited."""
        if len(self.epochs) != len(self.values):
            raise ValueError(f"{len(self.epochs)} epochs with {len(self.values)} values")


@dataclass(frozen=True)
class Run:
    """The result of one replica.

    Attributes:
        identity: of its cell.
        seed: of the replica.
        outcome: its end.
        grokked_at: epochs to grok; None unless grokked.
        memorised_at: epochs to a train accuracy of at least 0.99; None if never.
        epochs: completed.
        final: metric label -> value at the last evaluation.
        curves: metric label -> curve; empty where a run was read without them.
        prepare_seconds: spent by the regularizer before training.
        group: the seeds it was trained together with, its own among them.
        provenance: device, precision, versions, git state, `origins` of plugins (see `origins_of`).
        error: the traceback of a failed replica; None for others.
    """

    identity: str
    seed: int
    outcome: Outcome
    grokked_at: int | None
    memorised_at: int | None
    epochs: int
    final: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    prepare_seconds: float = 0.0
    group: tuple[int, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    def __post_init__(self) -> None:
        """Refuse results that no replica can have: a file may have been edited."""
        if (self.outcome is Outcome.GROKKED) != (self.grokked_at is not None):
            raise ValueError(f"outcome {self.outcome.value} with grokked_at {self.grokked_at}")
        if not 0 <= (self.grokked_at or 0) <= self.epochs or not 0 <= (self.memorised_at or 0) <= self.epochs:
            raise ValueError(f"grokked_at {self.grokked_at}, memorised_at {self.memorised_at} of {self.epochs} epochs")
        if not 0.0 <= self.prepare_seconds < math.inf:
            raise ValueError(f"prepare_seconds {self.prepare_seconds}")

    def capped(self, budget: int) -> float:
        """Give min(T, budget) in epochs, the time that enters every comparison; nan for a failed replica."""
        if self.outcome is Outcome.FAILED:
            return math.nan
        return float(min(self.grokked_at, budget)) if self.grokked_at is not None else float(budget)


@dataclass(frozen=True)
class Timing:
    """Seconds per epoch of one replica of a cell trained alone, evaluation excluded.

    Attributes:
        identity: of the cell.
        seconds_per_epoch: one figure per round; rounds take turns over the cells of a task.
        provenance: as that of a run, with `timed_at`, the same for all cells that took turns.
    """

    identity: str
    seconds_per_epoch: tuple[float, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse seconds that no clock can have measured: a file may have been edited."""
        if not all(0.0 < seconds < 1e9 for seconds in self.seconds_per_epoch):
            raise ValueError(f"seconds per epoch {self.seconds_per_epoch}")
