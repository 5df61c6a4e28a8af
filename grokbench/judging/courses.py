"""The course of the criterion in the runs of one cell: first and lasting crossings, and what happened afterwards."""

from dataclasses import dataclass
from statistics import fmean

from grokbench.criterion import parse_condition
from grokbench.records import Cell, Crossings, Run
from grokbench.stats.survival import median_time

__all__ = ["Courses", "within"]


@dataclass(frozen=True)
class Courses:
    """The courses of the criterion in the finished runs of a cell, see `Crossings`.

    Attributes:
        cell: the planned cell.
        finished: the complete runs of the cell.
    """

    cell: Cell
    finished: tuple[Run, ...]

    @property
    def holds(self) -> bool:
        """True if the task tests whether grokking lasts, and every finished run has recorded the result."""
        return self.cell.recipe.hold is not None and self.crossings is not None

    @property
    def crossings(self) -> list[Crossings] | None:
        """The course of the criterion in every finished run; None if a run did not record it, or none has finished."""
        found = [run.crossings for run in self.finished if run.crossings is not None]
        return found if found and len(found) == len(self.finished) else None

    def crossed(self, name: str) -> tuple[list[float], list[bool]]:
        """Return min(T, B) and T <= B for each finished replica: T is the epoch of a crossing, B the budget.

        If a run did not record its crossings, the first crossing is at the epoch at which it grokked. Training ends
        when grokking has lasted. A replica without a strict crossing by then is censored at the earliest epoch at which
        it could have had one.

        Args:
            name: the kind of crossing, "first", "lasting" or "strict", whatever the suite ranks by.
        """
        if name == "strict":
            return self._strict()
        budget = self.cell.budget
        epochs = [getattr(run.crossings, name) if run.crossings else run.grokked_at for run in self.finished]
        times = [budget if epoch is None else min(epoch, budget) for epoch in epochs]
        return [float(time) for time in times], [within(epoch, budget) for epoch in epochs]

    def _strict(self) -> tuple[list[float], list[bool]]:
        budget, times, hits = self.cell.budget, [], []
        for found in self.crossings or ():
            strict = found.strict if found.missed else found.lasting
            earliest = found.lasting if found.strict_since is None or found.lasting is None else found.strict_since
            time = earliest if strict is None else strict
            times.append(float(budget if time is None else min(time, budget)))
            hits.append(within(strict, budget))
        return times, hits

    def strict_median(self) -> float | None:
        """Compute the median epochs to the strict crossing; None if the median depends on unknown crossings.

        Training ends when grokking has lasted, so a replica may end before its strict crossing is known.
        """
        times, hits = self._strict()
        budget = float(self.cell.budget)
        unknown = [not hit and time < budget for time, hit in zip(times, hits, strict=True)]
        soonest = median_time(times, [hit or open_ for hit, open_ in zip(hits, unknown, strict=True)])
        latest = median_time([budget if open_ else time for time, open_ in zip(times, unknown, strict=True)], hits)
        return latest if soonest == latest else None

    def below_share(self) -> float | None:
        """Compute the share of evaluations after the first crossing that missed the criterion, as a mean over seeds."""
        watched = [run.crossings for run in self.finished if run.crossings and run.crossings.watched]
        return fmean(found.below / found.watched for found in watched) if watched else None

    def below_again(self) -> int | None:
        """Count the replicas that missed the criterion after their first crossing; None if a run did not record it."""
        return None if self.crossings is None else sum(found.below > 0 for found in self.crossings)

    def lost(self) -> int | None:
        """Count the replicas that lost the criterion after their first crossing; None if a run did not record it."""
        if self.crossings is None or any(found.lost is None for found in self.crossings):
            return None
        return sum(bool(found.lost) for found in self.crossings)

    def worst(self) -> dict[str, float]:
        """Find, for each metric of the criterion, the worst value over all replicas after their first crossing."""
        conditions = {label: parse_condition(text) for label, text in self.cell.recipe.grokked.items()}
        worst: dict[str, float] = {}
        for label, value in (pair for found in self.crossings or () for pair in found.worst.items()):
            if label in conditions:
                worst[label] = conditions[label].worse(worst.get(label, value), value)
        return worst

    def not_finite_after(self) -> int | None:
        """Count the replicas whose loss became non-finite after their first crossing; None if it is not recorded."""
        if self.crossings is None:
            return None
        return sum(found.first is not None and found.not_finite_at is not None for found in self.crossings)


def within(time: int | None, budget: int) -> bool:
    """Return whether something happened within the budget.

    Args:
        time: the epoch of the event; None if it did not happen.
        budget: the budget in epochs.
    """
    return time is not None and time <= budget
