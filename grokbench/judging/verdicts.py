"""Verdicts on published ratios of means, from the 95% interval of ours.

Everything is compared in logarithms. A published mean that comes with a standard deviation and a number of seeds has an
uncertainty of its own, which is added in quadrature wherever ours is compared with it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from grokbench import stats
from grokbench.judging.effects import Effect
from grokbench.records import Published, Spread

__all__ = [
    "LEAST_SEEDS",
    "LARGEST_MARGIN",
    "MARGIN",
    "PublishedRatio",
    "Reproduction",
    "excluded",
    "published_ratio",
    "seeds_to_settle",
    "verdict",
]

LEAST_SEEDS = 6  # with fewer, Student's quantile makes the interval depend on a spread that is hardly known
MARGIN = 0.5  # of the published log ratio, to both sides: so that the margin of a small effect excludes no effect
LARGEST_MARGIN = 1.25  # a factor: the margin of a large effect, whose size has to agree too


class Reproduction(StrEnum):
    """A verdict on a published ratio of means, by our interval."""

    REPRODUCED = "effect reproduced"  # excludes 1 in the published direction and lies within the margin
    CONSISTENT = "consistent"  # holds 1 and the published ratio
    NO_EFFECT = "no effect shown"  # holds 1 and excludes the published ratio
    NOT_REPRODUCED = "not reproduced"  # excludes 1 in the other direction, or lies outside the margin
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class PublishedRatio:
    """A ratio of published means, baseline / method.

    Attributes:
        value: the ratio.
        half_width: of its 95% interval in logarithms; 0 where no spread is published.
    """

    value: float
    half_width: float = 0.0

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Its 95% interval; (None, None) where no spread is published."""
        if not self.half_width:
            return None, None
        return self.value * math.exp(-self.half_width), self.value * math.exp(self.half_width)


@dataclass(frozen=True)
class _Interval:
    """Our ratio of means with its interval, in logarithms; an end that censoring makes invalid is infinite."""

    low: float
    ratio: float
    high: float

    def difference(self, published: PublishedRatio) -> tuple[float, float]:
        """Give the interval of log(ours / published)."""
        value = self.ratio - math.log(published.value)
        down, up = (math.hypot(end, published.half_width) for end in (self.ratio - self.low, self.high - self.ratio))
        return value - down, value + up


def published_ratio(published: Published | None, task: str, baseline: str, method: str) -> PublishedRatio | None:
    """Compute the ratio of the published means of epochs, and its uncertainty by the delta method.

    The variance of a log ratio of independent means is the sum of (std / mean)^2 / seeds. A mean without a spread
    counts as exact. Student's quantile has the degrees of freedom of the mean with the fewest seeds.

    Args:
        published: the published numbers; None without any.
        task: label of the task.
        baseline: label of the method in the numerator.
        method: label of the other one.

    Returns:
        The ratio; None for the baseline itself, and where a mean is not published.
    """
    means = published.epochs.get(task, {}) if published else {}
    if published is None or method == baseline or not {method, baseline} <= means.keys():
        return None
    spreads = published.spreads.get("epochs", {}).get(task, {})
    known = [(means[label], spreads[label]) for label in (baseline, method) if label in spreads]
    return PublishedRatio(means[baseline] / means[method], _half_width(known))


def _half_width(known: Iterable[tuple[float, Spread]]) -> float:
    from scipy.special import stdtrit

    parts = [(each.std / mean, each.seeds) for mean, each in known if each.std and each.seeds]
    if not parts:
        return 0.0
    error = math.sqrt(sum(relative**2 / seeds for relative, seeds in parts))
    return float(stdtrit(min(seeds for _, seeds in parts) - 1, 0.975)) * error


def verdict(published: PublishedRatio, ours: Effect | None, seeds: int) -> Reproduction:
    """Judge a published ratio of means by our interval of it.

    Where censoring makes ours a bound, only the valid end of the interval can decide, and only against the published
    ratio. A published ratio of 1 is no effect, which cannot be reproduced.

    Args:
        published: the published ratio.
        ours: None where no comparison could be made, which is inconclusive.
        seeds: pairs behind ours.
    """
    found = _interval(ours)
    if found is None or ours is None or seeds < LEAST_SEEDS:
        return Reproduction.INCONCLUSIVE
    theirs, (low, high) = math.log(published.value), found.difference(published)
    margin = _margin(theirs)
    holds_1 = ours.bound is None and found.low <= 0 <= found.high
    if holds_1:
        return Reproduction.CONSISTENT if low <= 0 <= high else Reproduction.NO_EFFECT
    if low > margin or high < -margin or found.low > 0 > theirs or found.high < 0 < theirs:
        return Reproduction.NOT_REPRODUCED
    within = ours.bound is None and theirs != 0 and -margin <= low and high <= margin
    return Reproduction.REPRODUCED if within else Reproduction.INCONCLUSIVE


def _margin(theirs: float) -> float:
    """Compute how far our log ratio may be from the published one, to both sides."""
    return min(MARGIN * abs(theirs), math.log(LARGEST_MARGIN))


def excluded(published: PublishedRatio, ours: Effect | None) -> bool:
    """Check whether our interval excludes the published ratio; of a bound only the valid end does.

    Args:
        published: the published ratio; its own uncertainty counts.
        ours: None where no comparison could be made.
    """
    found = _interval(ours)
    low, high = found.difference(published) if found else (-math.inf, math.inf)
    return low > 0 or high < 0


def seeds_to_settle(published: PublishedRatio, ours: Effect, seeds: int) -> int | None:
    """Estimate how many seeds would settle a verdict that is open or consistent; None where no number of seeds does.

    Our ratio of means and its spread are assumed to stay the same, so that the interval shrinks around the ratio like
    Student's quantile / sqrt(seeds). A censored ratio needs a longer budget instead; one on the very edge of the margin
    is never settled, nor one that the published spread alone leaves open.

    Args:
        published: the published ratio.
        ours: the effect that `seeds` seeds have shown.
        seeds: how many there are now.
    """
    found, theirs = _interval(ours), math.log(published.value)
    if found is None or ours.bound is not None or math.isinf(found.low) or theirs == 0:
        return None
    down, up = found.ratio - found.low, found.high - found.ratio
    gaps = _gaps(theirs, found.ratio, down, up) if theirs > 0 else _gaps(-theirs, -found.ratio, up, down)
    if any(gap <= published.half_width for _, gap in gaps):
        return None
    excess = max(width / math.sqrt(gap**2 - published.half_width**2) for width, gap in gaps)
    return stats.sample_size_to_narrow(seeds, excess)


def _gaps(theirs: float, ratio: float, down: float, up: float) -> list[tuple[float, float]]:
    """List what each side of the interval reaches now, and what it may reach in a verdict that is settled.

    Args:
        theirs: the published log ratio, above 0.
        ratio: our log ratio, above 0 in the published direction.
        down: from our log ratio to the lower end of its interval.
        up: to the upper end.
    """
    near, far = theirs - _margin(theirs), theirs + _margin(theirs)
    if ratio <= 0:
        return [(up, theirs - ratio)]  # excludes the published ratio
    if ratio < near:
        return [(up, near - ratio)]  # lies outside the margin
    return [(down, ratio - near), (up, far - ratio)] if ratio <= far else [(down, ratio - far)]


def _interval(ours: Effect | None) -> _Interval | None:
    """Take the logarithms of our ratio of means and its interval; None where there is none."""
    if ours is None or ours.bound == "mixed":
        return None
    value, low, high = ours.of_means, ours.of_means_low, ours.of_means_high
    if value is None or low is None or high is None:
        return None
    return _Interval(
        low=-math.inf if ours.bound == "upper" or low <= 0 else math.log(low),
        ratio=math.log(value),
        high=math.inf if ours.bound == "lower" else math.log(high),
    )
