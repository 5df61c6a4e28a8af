"""A monitor that follows the criterion while a replica trains, and makes the replica's record of `Crossings`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from grokbench.criterion import Condition, parse_condition
from grokbench.records import LASTING, Cell, Crossings

__all__ = ["CrossingsMonitor", "margins"]

ACCURACY = "accuracy"  # the plugin of metrics whose values are shares of n examples
DEVIATIONS = 2.0  # an accuracy is lost if it is more than this many binomial standard deviations below its threshold


def margins(cell: Cell, examples: Mapping[str, int]) -> dict[str, float]:
    """Compute how far each accuracy of a criterion may miss its threshold t by chance: 2 sqrt(t (1 - t) / n).

    Args:
        cell: the cell with the criterion.
        examples: split -> number of examples, n.

    Returns:
        Metric label -> distance. Metrics other than the accuracy of a split have none, because their spread is not
        known.
    """
    found = {}
    for label, text in cell.recipe.grokked.items():
        how, t = cell.measured.get(label, {}), parse_condition(text).threshold
        if how.get("use") == ACCURACY and (n := examples.get(how["parameters"].get("split"))) and 0 <= t <= 1:
            found[label] = DEVIATIONS * math.sqrt(t * (1 - t) / n)
    return found


@dataclass
class CrossingsMonitor:
    """The evaluations of one replica so far, counted from its crossings; for fields of the same name see `Crossings`.

    Attributes:
        hold: H, the epochs over which grokking has to last. None: it need not last.
        margins: metric -> how far it may miss its threshold before the criterion is lost, see `margins`.
        first: the epoch of the first crossing.
        lasting: the epoch of the first lasting crossing.
        missed: the number of evaluations in its H epochs at which the criterion did not hold.
        watched: the number of evaluations after the first crossing.
        below: the number of these at which the criterion did not hold.
        below_at: the epoch of the first of those.
        worst: metric -> its worst value after the first crossing.
        not_finite_at: the epoch at which a loss was no longer finite.
        lost: the number of evaluations after the first crossing at which the criterion was lost.
        lost_at: the epoch of the first of those.
        strict: the epoch of the first crossing after which the criterion held at every evaluation for H epochs.
        holds: whether the criterion held at the last evaluation.
        candidates: the crossings that have been followed for less than H epochs, in order. Each has its epoch, the
            number of evaluations since, and the number of these at which the criterion did not hold.
    """

    hold: int | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    first: int | None = None
    lasting: int | None = None
    missed: int = 0
    watched: int = 0
    below: int = 0
    below_at: int | None = None
    worst: dict[str, float] = field(default_factory=dict)
    not_finite_at: int | None = None
    lost: int = 0
    lost_at: int | None = None
    strict: int | None = None
    holds: bool = False
    candidates: list[list[int]] = field(default_factory=list)

    def record(
        self, epoch: int, values: Mapping[str, float], conditions: Mapping[str, Condition], finite: bool
    ) -> None:
        """Count an evaluation.

        Args:
            epoch: completed epochs.
            values: metric label -> value.
            conditions: metric label -> condition; the criterion holds if all conditions hold.
            finite: whether every loss so far was finite.
        """
        before, self.holds = self.holds, all(condition.holds(values[label]) for label, condition in conditions.items())
        if not finite and self.not_finite_at is None:
            self.not_finite_at = epoch
        if self.first is not None:
            self._watch(epoch, values, conditions)
        if self.hold is not None:
            self._settle(epoch, self.hold)
        if self.holds and not before:
            self.first = epoch if self.first is None else self.first
            self.candidates += [[epoch, 0, 0]] if self.hold is not None else []

    def may_last(self, budget: int) -> bool:
        """Return whether a crossing within the budget is still followed.

        Args:
            budget: the budget in epochs.
        """
        return self.lasting is None and any(epoch <= budget for epoch, _, _ in self.candidates)

    def result(self) -> Crossings:
        """Return the record of a replica whose training has stopped."""
        names = "first lasting missed watched below below_at not_finite_at lost lost_at strict".split()
        may_last = [epoch for epoch, _, _ in self.candidates] if self.lasting is None else []
        may_be_strict = [epoch for epoch, _, below in self.candidates if not below] if self.strict is None else []
        return Crossings(
            **{name: getattr(self, name) for name in names},
            worst=dict(self.worst),
            open_since=next(iter(may_last), None),
            strict_since=next(iter(may_be_strict), None),
        )

    def _watch(self, epoch: int, values: Mapping[str, float], conditions: Mapping[str, Condition]) -> None:
        self.watched += 1
        if not self.holds:
            self.below += 1
            self.below_at = epoch if self.below_at is None else self.below_at
        if any(condition.lost(values[label], self.margins.get(label)) for label, condition in conditions.items()):
            self.lost += 1
            self.lost_at = epoch if self.lost_at is None else self.lost_at
        for label, condition in conditions.items():
            if math.isfinite(value := values[label]):
                self.worst[label] = condition.worse(self.worst.get(label, value), value)

    def _settle(self, epoch: int, hold: int) -> None:
        """Count the evaluation for every candidate; judge and drop those whose H epochs are over."""
        for candidate in self.candidates:
            candidate[1] += 1
            candidate[2] += not self.holds
        for crossed, count, below in [each for each in self.candidates if epoch - each[0] >= hold]:
            if self.lasting is None and count - below >= LASTING * count - 1e-9:
                self.lasting, self.missed = crossed, below
            if self.strict is None and not below:
                self.strict = crossed
        self.candidates = [each for each in self.candidates if epoch - each[0] < hold]
