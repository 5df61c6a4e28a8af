"""The courses of the criterion in the runs of one cell: first and lasting crossings, and what came after them."""

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
        cell: what was planned.
        finished: its runs that are complete.
    """

    cell: Cell
    finished: tuple[Run, ...]

    @property
    def holds(self) -> bool:
        """True if the task watches whether grokking lasts, and every finished run says so."""
        return self.cell.recipe.hold is not None and self.crossings is not None

    @property
    def crossings(self) -> list[Crossings] | None:
        """The course of the criterion in every finished run; None where one does not say it, or none has finished."""
        found = [run.crossings for run in self.finished if run.crossings is not None]
        return found if found and len(found) == len(self.finished) else None

    def crossed(self, name: str) -> tuple[list[float], list[bool]]:
        """Return min(T, B) of each finished replica, and whether it crossed within the budget B.

        Args:
            name: T is the epoch of the "first", the "lasting" or the "strict" crossing, whatever the suite ranks by.
                For runs that do not record crossings the first one is where they grokked. Training ends where
                grokking lasts; a replica without a strict crossing by then is censored at the earliest possible one.
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
        """Compute the median epochs to the strict crossing; None unless it is the same whatever the unknown ones are.

        Training ends where grokking lasts, so that a replica may end before its strict crossing is known.
        """
        times, hits = self._strict()
        budget = float(self.cell.budget)
        unknown = [not hit and time < budget for time, hit in zip(times, hits, strict=True)]
        soonest = median_time(times, [hit or open_ for hit, open_ in zip(hits, unknown, strict=True)])
        latest = median_time([budget if open_ else time for time, open_ in zip(times, unknown, strict=True)], hits)
        return latest if soonest == latest else None

    def below_share(self) -> float | None:
        """Compute the mean over seeds of the share of evaluations after the first crossing below the criterion."""
        watched = [run.crossings for run in self.finished if run.crossings and run.crossings.watched]
        return fmean(found.below / found.watched for found in watched) if watched else None

    def below_again(self) -> int | None:
        """Count the replicas below the criterion again after their first crossing; None where runs do not say it."""
        return None if self.crossings is None else sum(found.below > 0 for found in self.crossings)

    def lost(self) -> int | None:
        """Count the replicas that lost the criterion after their first crossing, see `Crossings`; None likewise."""
        if self.crossings is None or any(found.lost is None for found in self.crossings):
            return None
        return sum(bool(found.lost) for found in self.crossings)

    def worst(self) -> dict[str, float]:
        """Find the worst value over the replicas of each metric of the criterion after their first crossing."""
        conditions = {label: parse_condition(text) for label, text in self.cell.recipe.grokked.items()}
        worst: dict[str, float] = {}
        for label, value in (pair for found in self.crossings or () for pair in found.worst.items()):
            if label in conditions:
                worst[label] = conditions[label].worse(worst.get(label, value), value)
        return worst

    def not_finite_after(self) -> int | None:
        """Count the replicas with a loss that was not finite after their first crossing; None likewise."""
        if self.crossings is None:
            return None
        return sum(found.first is not None and found.not_finite_at is not None for found in self.crossings)


def within(time: int | None, budget: int) -> bool:
    """Check whether something happened within the budget.

    Args:
        time: its epoch; None where it did not happen.
        budget: in epochs.
    """
    return time is not None and time <= budget
