"""The crossings of the criterion over a run: when the criterion first held, whether it lasted, and what came after."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grokbench.records.bounds import Count, Epoch

__all__ = ["LASTING", "Crossings"]

LASTING = 0.95  # grokking lasts if the criterion holds at this share or more of the evaluations in the next H epochs


@dataclass(frozen=True, kw_only=True)
class Crossings:
    """The course of the criterion over every evaluation of a run, recorded during training.

    A crossing is an evaluation at which the criterion holds although it did not hold at the previous evaluation.

    If the task stops by `{hold: H}`, every crossing is *open* for H epochs. After that it is *lasting* if the criterion
    held at a share of at least LASTING of the evaluations in these epochs, and *strict* if it held at all of them.
    Under another stop rule, crossings are never open, lasting or strict.

    The criterion is *lost* at an evaluation at which one of its metrics is not finite or misses its threshold by too
    much. An accuracy over n examples may miss its threshold t by two binomial standard deviations,
    2 sqrt(t (1 - t) / n). Other metrics may not miss theirs at all.

    Attributes:
        first: the epoch of the first crossing. None: there was no crossing.
        lasting: the epoch of the first lasting crossing. None: there was no lasting crossing.
        missed: the number of evaluations in the H epochs after `lasting` at which the criterion did not hold.
        watched: the number of evaluations after the first crossing.
        below: the number of evaluations after the first crossing at which the criterion did not hold.
        below_at: the epoch of the first of the `below` evaluations.
        worst: metric of the criterion -> its worst finite value after the first crossing.
        not_finite_at: the epoch of the first evaluation by which a loss had become non-finite. None: every loss was
            finite.
        open_since: the epoch of the earliest crossing that was open when training ended, and could still have become
            lasting. None: no crossing was open, or a lasting one was found.
        lost: the number of evaluations after the first crossing at which the criterion was lost. None: the run was made
            by an earlier version, which did not record this.
        lost_at: the epoch of the first of the `lost` evaluations.
        strict: the epoch of the first strict crossing. None: no strict crossing was found before training ended.
        strict_since: the epoch of the earliest crossing that was open when training ended, and could still have become
            strict, because the criterion had held at every evaluation since. None: there was no such crossing, or a
            strict one was found.

    Raises:
        ValueError: the fields contradict each other.
    """

    first: Epoch | None = None
    lasting: Epoch | None = None
    missed: Count = 0
    watched: Count = 0
    below: Count = 0
    below_at: Epoch | None = None
    worst: Mapping[str, float] = field(default_factory=dict)
    not_finite_at: Epoch | None = None
    open_since: Epoch | None = None
    lost: Count | None = None
    lost_at: Epoch | None = None
    strict: Epoch | None = None
    strict_since: Epoch | None = None

    def __post_init__(self) -> None:
        """Refuse impossible records, because a file may have been edited."""
        first, after = self.first, (self.lasting, self.open_since, self.strict, self.strict_since)
        if any(epoch is not None and (first is None or not 0 <= first <= epoch) for epoch in after):
            raise ValueError(
                f"lasting, open_since, strict and strict_since must not be before first, {first}, got {after}"
            )
        if not 0 <= self.missed <= self.watched or not 0 <= self.below <= self.watched:
            raise ValueError(
                f"missed and below must lie between 0 and watched, {self.watched}, got {self.missed} and {self.below}"
            )
        if (self.below_at is None) != (self.below == 0):
            raise ValueError(f"below_at must be given exactly if below is not 0, got {self.below_at} and {self.below}")
        if not 0 <= (self.lost or 0) <= self.below or (self.lost_at is None) != (not self.lost):
            got = f"got {self.lost} and {self.lost_at}"
            raise ValueError(
                f"lost must lie between 0 and below, {self.below}, and lost_at be given exactly if it is not 0, {got}"
            )
        if self.strict is not None and (self.lasting is None or self.strict < self.lasting):
            raise ValueError(f"strict must not come before lasting, got {self.strict} and {self.lasting}")
