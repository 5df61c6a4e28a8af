"""Records of results: a run for each replica, and a timing for each cell."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import lt
from typing import Annotated

from pydantic import Field

from grokbench.records.bounds import Digest, Epoch, Provenance, Seconds, Seed, Seeds
from grokbench.records.crossings import Crossings

__all__ = ["CLOCKS_AGREE", "TRIES", "Curve", "Outcome", "Run", "Timing"]

CLOCKS_AGREE = 0.1  # the CPU time of a round may differ from its wall time by this share of the wall time
Rounds = Annotated[tuple[Seconds, ...], Field(max_length=10_000)]
TRIES = 3  # tries of a round whose clocks disagree; if they disagree at the last, the cell's timing is refused


class Outcome(StrEnum):
    """The outcome of a replica; each member is a string, its name in lower case.

    Attributes:
        GROKKED: every condition of the criterion held, for as many evaluations as the task's `stop` requires.
        CENSORED: the budget was reached before that.
        DIVERGED: the loss or a penalty was not finite; the replica counts as not grokked within the budget.
        FAILED: an error was raised and is kept with its traceback; the next command trains the replica again.
    """

    GROKKED = "grokked"
    CENSORED = "censored"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass(frozen=True)
class Curve:
    """One metric over a run: `values[i]` was measured after `epochs[i]` completed epochs.

    Attributes:
        epochs: completed epochs, in increasing order.
        values: one value for each epoch.

    Raises:
        ValueError: the numbers of values and epochs differ, or the epochs do not ascend.
    """

    epochs: tuple[Epoch, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse unequal lengths, because a file may have been edited."""
        if len(self.epochs) != len(self.values):
            raise ValueError(
                f"a curve needs one value per epoch, got {len(self.epochs)} epochs and {len(self.values)} values"
            )
        if not all(map(lt, self.epochs, self.epochs[1:])):
            raise ValueError("the epochs of a curve must ascend strictly")


@dataclass(frozen=True)
class Run:
    """The result of one replica.

    Attributes:
        identity: the identity of its cell.
        seed: the seed of the replica.
        outcome: "grokked", "censored", "diverged" or "failed".
        grokked_at: epochs to grok; with `stop: {hold: H}`, the epoch of the first crossing, whether or not grokking
            lasted. None unless the replica grokked.
        memorised_at: epochs to a train accuracy of at least 0.99. None if this accuracy was never reached.
        epochs: completed epochs.
        final: metric label -> value at the last evaluation.
        curves: metric label -> `Curve`, with `epochs` and `values`.
        prepare_seconds: seconds spent by the method before training.
        group: the seeds that were trained together as a group.
        provenance: device, precision, versions, git state, sources of the plugins.
        error: the traceback of a failed replica. None for any other replica.
        crossings: the course of the criterion. None for a failed replica, and for a run of an earlier version.
        weights: epoch at which weights were kept -> sha256 of the file, see `store.layout`.

    Raises:
        ValueError: the fields contradict each other.
    """

    identity: str
    seed: Seed
    outcome: Outcome
    grokked_at: Epoch | None
    memorised_at: Epoch | None
    epochs: Epoch
    final: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    prepare_seconds: Seconds = 0.0
    group: Seeds = ()
    provenance: Provenance = field(default_factory=dict)
    error: str | None = None
    crossings: Crossings | None = None
    weights: Mapping[Epoch, Digest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse impossible results, because a file may have been edited."""
        if (self.outcome is Outcome.GROKKED) != (self.grokked_at is not None):
            got = f"got {self.outcome.value} and {self.grokked_at}"
            raise ValueError(f"outcome must be grokked exactly if grokked_at is given, {got}")
        if not 0 <= (self.grokked_at or 0) <= self.epochs or not 0 <= (self.memorised_at or 0) <= self.epochs:
            got = f"got {self.grokked_at} and {self.memorised_at}"
            raise ValueError(f"grokked_at and memorised_at must lie between 0 and the last epoch, {self.epochs}, {got}")
        names = ("first", "lasting", "below_at", "not_finite_at", "open_since", "lost_at", "strict", "strict_since")
        if self.crossings and not all(0 <= (getattr(self.crossings, name) or 0) <= self.epochs for name in names):
            raise ValueError(f"crossings must lie between 0 and the last epoch, {self.epochs}, got {self.crossings}")
        if not 0.0 <= self.prepare_seconds < math.inf:
            raise ValueError(f"prepare_seconds must be finite and at least 0, got {self.prepare_seconds}")
        ends = [curve.epochs[-1] for curve in self.curves.values() if curve.epochs]
        if max([*ends, *self.weights], default=0) > self.epochs:
            raise ValueError(f"curves and weights must not go beyond the last epoch, {self.epochs}")

    @property
    def reference(self) -> str:
        """The name of the reference folder that the run was copied from; empty for a run that was trained here."""
        return str(self.provenance.get("reference") or "")

    def time(self, rank_by: str) -> int | None:
        """Return the epoch of the crossing that counts; None if there was none.

        Args:
            rank_by: "first" or "lasting", see `Statistics`.
        """
        if rank_by == "lasting":
            return self.crossings.lasting if self.crossings else None
        return self.grokked_at


@dataclass(frozen=True)
class Timing:
    """The seconds per epoch of one replica of a cell trained alone, evaluation excluded.

    Attributes:
        identity: the identity of its cell.
        seconds_per_epoch: the wall time in each round; the rounds of a task's cells are interleaved. Empty for a
            refused timing.
        provenance: the provenance of the measurement, as in a `Run`.
        flop_per_epoch: floating-point operations of an epoch, see `engine.arithmetic`. None: not counted.
        cpu_seconds_per_epoch: the CPU time of the process in each round. None on CUDA, where the CPU time means
            nothing, and in timings of earlier versions.
        refused: CPU time / wall time at the last try of a refused timing; None for any other timing. A timing is
            refused if the two clocks disagreed in the same round at each of TRIES tries, see CLOCKS_AGREE.

    Raises:
        ValueError: a number of seconds or operations is not plausible, or a refused timing has seconds.
    """

    identity: str
    seconds_per_epoch: Rounds
    provenance: Provenance = field(default_factory=dict)
    flop_per_epoch: Annotated[int, Field(strict=True, ge=0, le=10**30)] | None = None
    cpu_seconds_per_epoch: Rounds | None = None
    refused: Seconds | None = None

    def __post_init__(self) -> None:
        """Refuse impossible seconds, because a file may have been edited."""
        if self.refused is not None and self.seconds_per_epoch:
            raise ValueError(f"a refused timing must have no seconds per epoch, got {self.seconds_per_epoch}")
        if not all(0.0 < seconds < 1e9 for seconds in self.seconds_per_epoch):
            raise ValueError(f"seconds per epoch must lie strictly between 0 and 1e9, got {self.seconds_per_epoch}")
        if self.flop_per_epoch is not None and self.flop_per_epoch < 0:
            raise ValueError(f"operations per epoch must be at least 0, got {self.flop_per_epoch}")
