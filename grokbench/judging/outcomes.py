"""The outcomes of one cell's replicas, seed by seed, before any comparison."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median, stdev

from grokbench.judging.courses import Courses, within
from grokbench.records import Cell, Outcome, Run, Timing, reached_end
from grokbench.stats.survival import median_time

__all__ = ["CONDITIONS", "MACHINE", "Measured", "same_clock", "same_conditions"]

CONDITIONS = ("budget", "evaluate_every")  # fields that two cells must share if their times are compared
MACHINE = ("machine", "device_name")  # the keys of provenance that identify a clock


@dataclass(frozen=True)
class Measured:
    """A cell with its runs.

    Attributes:
        cell: the planned cell.
        runs: one run per planned seed, in order; None for a missing replica.
        timings: the timings of the cell, one for each measurement of its seconds per epoch.
        rank_by: "first" or "lasting", the crossing whose epoch is a replica's time, see `Statistics`.
    """

    cell: Cell
    runs: tuple[Run | None, ...]
    timings: tuple[Timing, ...] = ()
    rank_by: str = "first"

    @cached_property
    def finished(self) -> list[Run]:
        """The runs with a time in epochs: neither missing, nor failed, nor trained to a smaller budget."""
        return [run for run in self.runs if run is not None and reached_end(run, self.cell)]

    @property
    def reference(self) -> str:
        """The name of the reference folder that runs were copied from; empty if all were trained in this folder."""
        return next((run.reference for run in self.finished if run.reference), "")

    @property
    def short(self) -> list[Run]:
        """The runs that stopped at a smaller budget than the cell has now, so that their times are not known."""
        sound = [run for run in self.runs if run is not None and run.outcome is not Outcome.FAILED]
        return [run for run in sound if not reached_end(run, self.cell)]

    @property
    def missing(self) -> int:
        """The number of planned replicas without a complete run; failed replicas are not counted."""
        return sum(run is None for run in self.runs) + len(self.short)

    @property
    def complete(self) -> bool:
        """True if every planned replica finished, and at least one is planned."""
        return bool(self.runs) and len(self.finished) == len(self.runs)

    @property
    def thinned(self) -> bool:
        """True if a packed folder has thinned the curves of a replica."""
        return any("curves" in run.provenance for run in self.finished)

    @cached_property
    def times(self) -> list[float]:
        """The time of each finished replica: its epochs to grok, or the budget if it did not grok."""
        budget = self.cell.budget
        return [float(self._time(run) or 0) if self._in_time(run) else float(budget) for run in self.finished]

    @cached_property
    def grokked(self) -> list[bool]:
        """True for each finished replica that grokked within the budget."""
        return [self._in_time(run) for run in self.finished]

    def _time(self, run: Run) -> int | None:
        """Return the epoch of the crossing that counts; None if there is none."""
        return run.time(self.rank_by)

    def _in_time(self, run: Run) -> bool:
        """Return whether a replica grokked within the budget; a sustained criterion counts when it is confirmed."""
        sustained = isinstance(self.cell.recipe.stop, int) and run.grokked_at is not None
        return within(run.epochs if sustained else self._time(run), self.cell.budget)

    @property
    def mean_bound(self) -> str | None:
        """The kind of bound that the mean time is: "lower" if a finished replica did not grok, otherwise None."""
        return None if all(self.grokked) else "lower"

    @cached_property
    def ratio_times(self) -> list[float]:
        """The times for ratios: `times`, but at least one evaluation interval.

        A replica that grokked at evaluation 0 has a time of 0, whose logarithm does not exist. This time is below the
        resolution of the evaluations, so it counts as one interval (or as the budget, if that is shorter).
        """
        floor = float(min(self.cell.evaluate_every, self.cell.budget))
        return [max(time, floor) for time in self.times]

    @cached_property
    def earliest_times(self) -> list[float]:
        """The earliest epoch at which each of `ratio_times` can have been reached.

        A crossing lies between the evaluation that found it and the previous evaluation. The time of a replica that did
        not grok is the budget, which is known.
        """
        every = self.cell.evaluate_every
        pairs = zip(self.ratio_times, self.grokked, strict=True)
        return [float((math.ceil(time) - 1) // every * every + 1) if hit else time for time, hit in pairs]

    @cached_property
    def time_brackets(self) -> list[tuple[float, float]]:
        """The least and the greatest possible time of each finished replica if there were no budget.

        A censored replica may still grok after the budget; a diverged replica never does.
        """
        known = zip(self.earliest_times, self.ratio_times, self.grokked, self.finished, strict=True)
        return [(low, high) if hit else self._after_budget(run) for low, high, hit, run in known]

    def _after_budget(self, run: Run) -> tuple[float, float]:
        diverged = self.outcome(run) is Outcome.DIVERGED
        return (math.inf if diverged else float(self.cell.budget)), math.inf

    @property
    def at_start(self) -> int:
        """The number of replicas that had grokked at evaluation 0, before any update."""
        return sum(hit and time == 0 for hit, time in zip(self.grokked, self.times, strict=True))

    def count(self, outcome: Outcome) -> int:
        """Count the replicas with an outcome; those that grokked or diverged after the budget count as censored."""
        if outcome is Outcome.FAILED:
            return sum(run is not None and run.outcome is outcome for run in self.runs)
        return sum(self.outcome(run) is outcome for run in self.finished)

    def outcome(self, run: Run) -> Outcome:
        """Return the outcome that a replica has within the budget of the cell."""
        late = run.outcome is Outcome.DIVERGED and run.epochs > self.cell.budget
        if late or (run.outcome is Outcome.GROKKED and not self._in_time(run)):
            ended = run.crossings.not_finite_at if run.crossings and self.rank_by == "lasting" else None
            return Outcome.DIVERGED if within(ended, self.cell.budget) else Outcome.CENSORED
        return run.outcome

    @property
    def courses(self) -> Courses:
        """The courses of the criterion in the finished runs."""
        return Courses(self.cell, tuple(self.finished))

    def mean(self) -> float | None:
        """Compute the restricted mean: the mean of `times`. None if no replica finished, or if some are `short`.

        Among replicas that were trained to a smaller budget, only those that grokked early have a known time, so a mean
        of the known times would be too small.
        """
        return fmean(self.times) if self.finished and not self.short else None

    def median(self) -> float | None:
        """Compute the median epochs to grok; None if no more than half of the replicas grokked, or some are `short`."""
        return None if self.short else median_time(self.times, self.grokked)

    def std(self) -> float | None:
        """Compute the standard deviation (n - 1) of `times`; None for fewer than two, or if some are `short`."""
        return stdev(self.times) if len(self.finished) > 1 and not self.short else None

    def memorised(self) -> float | None:
        """Compute the median epochs to memorise over the replicas that memorised."""
        return _median(run.memorised_at for run in self.finished if within(run.memorised_at, self.cell.budget))

    def delay(self) -> float | None:
        """Compute the median epochs from memorising to grokking over the replicas that grokked.

        A replica that grokked before it memorised counts as 0.
        """
        return _median(
            _delay(time, run) for time, run, hit in zip(self.times, self.finished, self.grokked, strict=True) if hit
        )

    def final(self) -> dict[str, float | None]:
        """Compute the mean of each metric at the last evaluation; None if a replica's value is not finite."""
        labels = dict.fromkeys([*self.cell.metrics, *(label for run in self.finished for label in run.final)])
        return {
            label: _finite_mean(run.final[label] for run in self.finished if label in run.final) for label in labels
        }

    @property
    def rounds(self) -> list[float]:
        """The seconds per epoch, one value for each round of timing; in a round, the cells of a task take turns."""
        return [seconds for timing in self.timings for seconds in timing.seconds_per_epoch]

    @property
    def refused(self) -> float | None:
        """The ratio of CPU time to wall time in a refused timing, see `Timing`.

        None if no timing was refused, or if another timing is valid.
        """
        found = [timing.refused for timing in self.timings if timing.refused is not None]
        return found[-1] if found and not self.rounds else None

    def clocks(self, *keys: str) -> list[tuple[object, ...]]:
        """List the different clocks of the timings; a clock consists of the values of the given keys of provenance."""
        found: list[tuple[object, ...]] = []
        for timing in self.timings:
            clock = tuple(timing.provenance.get(key) for key in keys)
            found += [clock] if clock not in found else []
        return sorted(found, key=repr)

    def seconds_per_epoch(self) -> float | None:
        """Compute the median of `rounds`; None without rounds."""
        return _median(self.rounds)

    def flop_per_epoch(self) -> int | None:
        """Return the floating-point operations of an epoch, by the last timing that counted them; None if none did."""
        counts = [timing.flop_per_epoch for timing in self.timings if timing.flop_per_epoch is not None]
        return counts[-1] if counts else None

    def seconds(self) -> float | None:
        """Compute the seconds to grok: seconds per epoch x mean epochs + mean seconds of `prepare`.

        None for an incomplete cell and for a cell that was not timed.
        """
        pace = self.seconds_per_epoch()
        return None if pace is None or not self.complete else pace * fmean(self.times) + self.prepare_seconds()

    def prepare_seconds(self) -> float:
        """Compute the mean seconds of `prepare` over the finished replicas; there must be at least one."""
        return fmean(run.prepare_seconds for run in self.finished)


def same_clock(baseline: Measured, method: Measured) -> bool:
    """Return whether the seconds of two cells were measured in turns, on the same machine and device.

    Args:
        baseline: a cell with its timings.
        method: another cell with its timings.
    """
    return baseline.clocks(*MACHINE, "timed_at") == method.clocks(*MACHINE, "timed_at")


def same_conditions(a: Measured, b: Measured) -> bool:
    """Return whether two cells have the same budget and cadence, so that their times can be compared.

    Args:
        a: one cell.
        b: the other cell.
    """
    return all(getattr(a.cell, name) == getattr(b.cell, name) for name in CONDITIONS)


def _delay(time: float, run: Run) -> float:
    """Compute the delay of a run that grokked; 0 if it memorised later, or training ended before it memorised."""
    return 0.0 if run.memorised_at is None else max(time - run.memorised_at, 0.0)


def _median(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(median(known)) if known else None


def _finite_mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known and all(map(math.isfinite, known)) else None
