"""Paired times of two cells, with the uncertainty from cadence and budget, and the tests of their difference."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grokbench import stats
from grokbench.judging.outcomes import Measured
from grokbench.stats import Floats
from grokbench.stats.survival import logrank_scores

__all__ = ["PairedTimes"]


class Corner(NamedTuple):
    """Times of both cells, chosen among those that are possible between evaluations.

    Attributes:
        before: the times of the baseline, (n,).
        after: the times of the method, (n,).
    """

    before: Floats
    after: Floats

    @property
    def logs(self) -> Floats:
        """The log ratios (n,), above 0 where the method is faster."""
        return np.log(self.before / self.after)


@dataclass(frozen=True)
class PairedTimes:
    """The times of two cells on the same n seeds, in the same order.

    A replica groks between the evaluation that found it and the previous one, so a time is known only up to the
    cadence. Every log ratio lies between its values at two corners.

    Attributes:
        late: the times at which evaluations found the crossings.
        least: the corner least favourable to the method: the baseline grokked as early as possible.
        greatest: the corner most favourable to the method: the method grokked as early as possible.
        grokked: whether the replicas grokked, (n,) for the baseline and (n,) for the method.
        without_budget: the least and the greatest possible log ratios (n,) if there were no budget, see
            `log_ratio_brackets`.
    """

    late: Corner
    least: Corner
    greatest: Corner
    grokked: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    without_budget: tuple[Floats, Floats]

    @classmethod
    def of(cls, baseline: Measured, method: Measured) -> "PairedTimes":
        """Collect the times of two complete cells of one task."""
        before, after = np.array(baseline.ratio_times), np.array(method.ratio_times)
        earliest = np.array(baseline.earliest_times), np.array(method.earliest_times)
        grokked = np.array(baseline.grokked, bool), np.array(method.grokked, bool)
        brackets = (np.array(each.time_brackets).reshape(-1, 2).T for each in (baseline, method))
        return cls(
            late=Corner(before, after),
            least=Corner(earliest[0], after),
            greatest=Corner(before, earliest[1]),
            grokked=grokked,
            without_budget=stats.log_ratio_brackets(*brackets),
        )

    @property
    def logs(self) -> Floats:
        """The log ratios (n,) of the times at which evaluations found the crossings."""
        return self.late.logs

    @property
    def failures(self) -> tuple[int, int]:
        """The number of seeds that did not grok with the baseline, and the number with the method."""
        of_baseline, of_method = (int((~each).sum()) for each in self.grokked)
        return of_baseline, of_method

    @property
    def bound(self) -> str | None:
        """The kind of bound of a ratio: it is too small if the baseline is censored, too large if the method is."""
        of_baseline, of_method = self.failures
        if of_baseline and of_method:
            return "mixed"
        return "lower" if of_baseline else "upper" if of_method else None

    def interval(self, confidence: float) -> tuple[float | None, float | None]:
        """Compute the interval of the speed-up; that of a bound is wider, so that its valid end covers as promised.

        Args:
            confidence: the confidence of the interval.
        """
        if self.bound is not None:
            confidence = stats.bound_confidence(confidence, len(self.logs))
        ends = stats.sign_flip_interval_between(self.least.logs, self.greatest.logs, confidence)
        low, high = (None if end is None else float(np.exp(end)) for end in ends)
        return low, high

    def ratio_of_means(self, confidence: float) -> tuple[float, float | None, float | None]:
        """Compute the ratio of means, and its interval over both corners; that of a bound is wider, as in `interval`.

        Args:
            confidence: the confidence of the interval.
        """
        if self.bound is not None:
            confidence = stats.bound_confidence(confidence, len(self.logs))
        low, _ = stats.ratio_of_means_interval(*self.least, confidence)
        _, high = stats.ratio_of_means_interval(*self.greatest, confidence)
        both = (None, None) if low is None or high is None else (low, high)
        return float(self.late.before.mean() / self.late.after.mean()), *both

    def tests(self, names: Collection[str] = ()) -> dict[str, tuple[float | None, float]]:
        """Compute p and direction of each test; a direction above 0 favours the method.

        For `sign_flip`, `wilcoxon` and `misses_last`, the p is that of the least favourable times.

        Args:
            names: the tests to compute; empty for all.
        """
        between = self.least.logs, self.greatest.logs
        found: dict[str, Callable[[], tuple[float | None, float]]] = {
            "sign_flip": lambda: (stats.sign_flip_between(*between), float(self.logs.sum())),
            "paired_t": lambda: self._at_a_corner(lambda at: at.before - at.after, stats.paired_t),
            "wilcoxon": lambda: (stats.wilcoxon_between(*between), float(stats.signed_ranks(self.logs).sum())),
            "logrank": lambda: self._at_a_corner(self._scores, stats.sign_flip),
            "misses_last": lambda: (
                stats.misses_last(*self.without_budget),
                stats.misses_last_favours(*self.without_budget),
            ),
        }
        return {name: test() for name, test in found.items() if not names or name in names}

    @property
    def with_misses_last(self) -> Corner:
        """The times at which evaluations found the crossings; infinite for a seed that did not grok."""
        before, after = (np.where(hits, times, np.inf) for hits, times in zip(self.grokked, self.late, strict=True))
        return Corner(before, after)

    def wins(self) -> tuple[int, int]:
        """Count the seeds on which the method groks first, and the ties; a seed that did not grok is last."""
        before, after = self.with_misses_last
        return int((after < before).sum()), int((after == before).sum())

    def both(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the least and the greatest log ratios of the seeds that grokked on both sides."""
        there = self.grokked[0] & self.grokked[1]
        return tuple(self.least.logs[there]), tuple(self.greatest.logs[there])

    def _scores(self, at: Corner) -> Floats:
        return logrank_scores(at.before, self.grokked[0], at.after, self.grokked[1])

    def _at_a_corner(
        self, differences: Callable[[Corner], Floats], test: Callable[[Floats], float | None]
    ) -> tuple[float | None, float]:
        """Test at the corner whose sum is nearer to zero; p is 1 if the sums at the two corners differ in sign.

        Unlike for `sign_flip`, a p here need not fall when a difference rises. Other times within the brackets may
        therefore have a larger p.
        """
        least, greatest = differences(self.least), differences(self.greatest)
        direction = float(differences(self.late).sum())
        if not least.size or least.sum() > 0:
            return test(least), direction
        return (test(greatest) if greatest.sum() < 0 else 1.0), direction
