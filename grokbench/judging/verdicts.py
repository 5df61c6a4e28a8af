"""Verdicts on published ratios of means, from the 95% interval of our ratio.

All comparisons are of logarithms. If a published mean has a standard deviation and a number of seeds, it is uncertain
too; this uncertainty is added in quadrature whenever our ratio is compared with the published one.
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

LEAST_SEEDS = 6  # with fewer seeds the spread, on which the interval strongly depends, is hardly known
MARGIN = 0.5  # to both sides, as a share of the published log ratio, so that the margin of a small effect excludes 1
LARGEST_MARGIN = 1.25  # a factor, the margin of a large effect: the size of the effect must agree, too


class Reproduction(StrEnum):
    """A verdict on a published ratio of means, by our 95% interval."""

    REPRODUCED = "effect reproduced"  # the interval excludes 1 in the published direction and lies within the margin
    CONSISTENT = "consistent"  # the interval contains 1 and the published ratio
    NO_EFFECT = "no effect shown"  # the interval contains 1 and excludes the published ratio
    NOT_REPRODUCED = "not reproduced"  # the interval excludes 1 in the other direction, or lies outside the margin
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class PublishedRatio:
    """A ratio of published means, baseline / method.

    Attributes:
        value: the ratio.
        half_width: half the width of its 95% interval in logarithms; 0 if no spread is published.
        of_means: whether the means are published; otherwise the ratio itself is.
    """

    value: float
    half_width: float = 0.0
    of_means: bool = True

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The 95% interval; (None, None) if no spread is published."""
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
        """Return the interval of log(our ratio / published ratio)."""
        value = self.ratio - math.log(published.value)
        down, up = (math.hypot(end, published.half_width) for end in (self.ratio - self.low, self.high - self.ratio))
        return value - down, value + up


def published_ratio(published: Published | None, task: str, baseline: str, method: str) -> PublishedRatio | None:
    """Look up the published speed-up, or compute the ratio of the published means and its uncertainty.

    The uncertainty is that of the delta method: the variance of a log ratio of independent means is the sum of
    (std / mean)^2 / seeds. A mean without a spread counts as exact. Student's quantile has the degrees of freedom of
    the mean with the fewest seeds.

    Args:
        published: the published numbers; None if there are none.
        task: label of the task.
        baseline: label of the method in the numerator.
        method: label of the method in the denominator.

    Returns:
        The ratio; None for the baseline itself, or if neither it nor both means are published.
    """
    direct = published.speedups.get(task, {}).get(method) if published and method != baseline else None
    if direct is not None:
        return PublishedRatio(direct, of_means=False)
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
    """Judge a published ratio of means by our interval.

    If censoring makes our ratio a bound, only the valid end of the interval can decide, and only against the published
    ratio. A published ratio of 1 means no effect, which cannot be reproduced.

    Args:
        published: the published ratio.
        ours: our effect; None if no comparison could be made, so that the verdict is inconclusive.
        seeds: the number of pairs behind our effect.
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
    """Compute the largest allowed distance of our log ratio from the published one."""
    return min(MARGIN * abs(theirs), math.log(LARGEST_MARGIN))


def excluded(published: PublishedRatio, ours: Effect | None) -> bool:
    """Return whether our interval excludes the published ratio; for a bound only the valid end counts.

    Args:
        published: the published ratio; its uncertainty is added to ours.
        ours: our effect; None if no comparison could be made.
    """
    found = _interval(ours)
    low, high = found.difference(published) if found else (-math.inf, math.inf)
    return low > 0 or high < 0


def seeds_to_settle(published: PublishedRatio, ours: Effect, seeds: int) -> int | None:
    """Estimate how many seeds would settle an open or consistent verdict; None if no number of seeds would.

    Our ratio of means and its spread are assumed to stay the same, so that the interval shrinks around the ratio like
    Student's quantile / sqrt(seeds). No number of seeds settles the verdict if our ratio is censored, which needs a
    longer budget instead; if its interval is unbounded; if the published ratio is 1; if our ratio lies exactly on the
    edge of the margin; or if the published spread alone keeps the verdict open.

    Args:
        published: the published ratio.
        ours: our effect on the present seeds.
        seeds: the present number of seeds.
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
    """List, for each side of the interval that matters, its present width and the largest one that settles the verdict.

    Args:
        theirs: the published log ratio, above 0.
        ratio: our log ratio, above 0 in the published direction.
        down: the distance from our log ratio to the lower end of its interval.
        up: the distance to the upper end.
    """
    near, far = theirs - _margin(theirs), theirs + _margin(theirs)
    if ratio <= 0:
        return [(up, theirs - ratio)]  # excludes the published ratio
    if ratio < near:
        return [(up, near - ratio)]  # lies outside the margin
    return [(down, ratio - near), (up, far - ratio)] if ratio <= far else [(down, ratio - far)]


def _interval(ours: Effect | None) -> _Interval | None:
    """Return the logarithms of our ratio of means and its interval; None if there is none."""
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
