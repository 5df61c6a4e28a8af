"""The effect of one cell against its baseline over paired seeds, with its interval and tests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from grokbench import stats
from grokbench.judging.note import Kind, Note, info
from grokbench.judging.outcomes import CONDITIONS, Measured
from grokbench.judging.paired_times import PairedTimes
from grokbench.records import Statistics

__all__ = ["Effect", "effect", "obstacle"]

MISSES_LAST = "misses_last"  # the test that decides if a seed did not grok
VERDICT = 0.95  # confidence of the ratio of means, the same for all suites, so that verdicts mean the same


@dataclass(frozen=True)
class Effect:
    """A method's effect on epochs to grok over n paired seeds; `docs/reading.md` explains it to readers.

    The time of a seed is its epochs to grok, or the budget if it did not grok; a time below one evaluation interval
    counts as one interval. A ratio is baseline / method: above 1 the method is faster. A time is known only up to the
    cadence of the evaluations; tests and intervals therefore use the least favourable possible times, see
    `PairedTimes.tests`.

    Attributes:
        speedup: exp of the mean log ratio of times; None if neither side grokked on any seed.
        low: lower end of its interval, which inverts the sign-flip test.
        high: upper end of that interval.
        bound: "lower" if only the baseline has seeds that did not grok, "upper" if only the method has such seeds,
            "mixed" if both have; otherwise None.
        of_means: mean time of the baseline / mean time of the method, the ratio that papers report.
        of_means_low: lower end of its interval (Fieller's).
        of_means_high: upper end of that interval.
        p: test -> p. The tests are `sign_flip` and `wilcoxon` (of log ratios), `paired_t` (of epochs), `logrank` and
            `misses_last`.
        favours: test -> a number above 0 if its statistic favours the method, below 0 if it favours the baseline.
        effect_size: d_z of the log ratios.
        superiority: share of seeds on which the method groks first; a tie counts half, and a seed that did not grok is
            last.
        superiority_low: lower end of its interval.
        superiority_high: upper end of that interval.
        both: the log ratios of the seeds that grokked on both sides, as two arrays: the least and the greatest values.
        failures: the number of seeds that did not grok with the baseline, and the number with the method.
        seeds: n.
        skewness: sample skewness of the log ratios (adjusted Fisher-Pearson). None for fewer than three log ratios, or
            if all are equal.
    """

    speedup: float | None
    low: float | None
    high: float | None
    bound: str | None
    of_means: float | None
    of_means_low: float | None
    of_means_high: float | None
    p: Mapping[str, float | None]
    favours: Mapping[str, float]
    effect_size: float | None
    superiority: float | None
    superiority_low: float | None = None
    superiority_high: float | None = None
    both: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    failures: tuple[int, int] = (0, 0)
    seeds: int = 0
    skewness: float | None = None

    def deciding(self, primary: str) -> str:
        """Name the test that decides: the primary test if every seed grokked, otherwise `misses_last`.

        The primary tests use the budget as the time of a seed that did not grok, so a larger budget could reverse their
        conclusion. `misses_last` ranks such a seed last, whatever the budget is.

        Args:
            primary: the suite's test.
        """
        return primary if self.bound is None else MISSES_LAST

    def p_deciding(self, statistics: Statistics) -> float | None:
        """Select the p of the deciding test, before any adjustment.

        Args:
            statistics: the statistics of the suite.
        """
        return self.p[self.deciding(statistics.primary)]

    @property
    def tested(self) -> bool:
        """True if any p was computed; an effect on a part of the seeds has no p, because it is only a description."""
        return any(p is not None for p in self.p.values())

    def faster_where_both_grok(self, confidence: float) -> bool:
        """Return whether the interval of the speed-up on the seeds that grokked on both sides lies above 1.

        Args:
            confidence: the confidence of the interval.
        """
        low, _ = stats.sign_flip_interval_between(*self.both, confidence)
        return low is not None and low > 0


def obstacle(baseline: Measured | None, method: Measured, name: str = "the baseline") -> Note | None:
    """Return why a cell cannot be compared with its baseline or another cell; None if it can.

    Args:
        baseline: the baseline's cell; None if the suite plans none for the task.
        method: another cell of the task.
        name: the name for `baseline` in the note, if another cell takes the baseline's place.
    """
    if baseline is None:
        task, planned = method.cell.task, name.removeprefix("the ")
        return info(Kind.NOT_COMPARED, f"no comparison: the suite plans no {planned} for task {task}", planned, task)
    if not method.runs:
        return info(Kind.NOT_COMPARED, "no comparison: no seeds are planned", "seeds")
    for key in CONDITIONS:
        mine, other = getattr(method.cell, key), getattr(baseline.cell, key)
        if mine != other:
            text = f"no comparison: {key} is {mine} here and {other} for {name}, and they have to be the same"
            return info(Kind.NOT_COMPARED, text, key, mine, other)
    if not method.complete:
        remedy = _remedy(method, "run the missing ones (--seeds)")
        text = f"no test is made on fewer seeds than planned: {remedy} to complete this row"
        return info(Kind.NOT_COMPARED, text, "method", bool(method.missing))
    if not baseline.complete:
        remedy = _remedy(baseline, "run its missing seeds (--seeds)")
        text = f"no comparison: {name} is incomplete, {remedy} to complete it"
        return info(Kind.NOT_COMPARED, text, "incomplete baseline", bool(baseline.missing))
    return None


def _remedy(incomplete: Measured, missing: str) -> str:
    if incomplete.short:
        return "run the suite again, which trains them to the budget,"
    return missing if incomplete.missing else "mend what failed and run it again"


def effect(baseline: Measured, method: Measured, confidence: float = 0.95, tests: Collection[str] = ()) -> Effect:
    """Compare a complete cell with its complete baseline.

    Args:
        baseline: the replicas of the baseline, n of them.
        method: the replicas of the method, on the same n seeds in the same order.
        confidence: the confidence of the interval of the speed-up.
        tests: the tests to make; the ratio of means and the interval of `superiority` are then left out. Empty for
            all tests, and both.
    """
    found = PairedTimes.of(baseline, method)
    informative = bool(found.grokked[0].any() or found.grokked[1].any())
    bound = found.bound if informative else None
    low, high = found.interval(confidence) if informative else (None, None)
    means = found.ratio_of_means(VERDICT) if informative and not tests else (None, None, None)
    made = found.tests(tests)
    ends = (None, None) if tests else stats.superiority_interval(*found.wins(), len(found.logs), confidence)
    return Effect(
        speedup=float(np.exp(np.sort(found.logs).mean())) if informative else None,
        low=low,
        high=high,
        bound=bound,
        of_means=means[0],
        of_means_low=means[1],
        of_means_high=means[2],
        p={name: p for name, (p, _) in made.items()},
        favours={name: favours for name, (_, favours) in made.items()},
        effect_size=stats.effect_size(found.logs),
        superiority=stats.superiority(*found.with_misses_last),
        superiority_low=ends[0],
        superiority_high=ends[1],
        both=found.both(),
        failures=found.failures,
        seeds=len(found.logs),
        skewness=stats.skewness(np.sort(found.logs)),  # the seeds' order must not change the rounding
    )
