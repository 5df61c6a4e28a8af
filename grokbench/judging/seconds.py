"""Comparisons -> what methods cost in seconds: of an epoch, and to grok. No torch.

Seconds per epoch are the median over rounds of timing (`timing.py`), with the interval of a median: order statistics.
Seconds to grok are that times mean epochs, plus what `prepare` took. Epochs and rounds are independent, so the
half-widths of their intervals, in logarithms, add in quadrature; what `prepare` took counts as certain.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median
from typing import NamedTuple

from grokbench import stats
from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.effects import Effect
from grokbench.judging.outcomes import Measured, same_clock
from grokbench.records import Published

__all__ = ["Cost", "Estimate", "costs", "overhead"]


class Estimate(NamedTuple):
    """A figure with its 95% interval; None for ends that are not known."""

    value: float
    low: float | None = None
    high: float | None = None

    def times(self, factor: "Estimate") -> "Estimate":
        """The product of two independent figures."""
        value = self.value * factor.value
        down = _both(_distance(self.value, self.low), _distance(factor.value, factor.low))
        up = _both(_distance(self.value, self.high), _distance(factor.value, factor.high))
        low = None if down is None else value * math.exp(-down)
        return Estimate(value, low, None if up is None else value * math.exp(up))

    def plus(self, constant: float) -> "Estimate":
        """The figure and what is certain."""
        low, high = (None if end is None else end + constant for end in (self.low, self.high))
        return Estimate(self.value + constant, low, high)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one cell costs; None is what does not exist."""

    task: str
    regularizer: str
    seconds_per_epoch: Estimate | None = None  # of one replica trained alone, evaluation excluded
    overhead: Estimate | None = None  # its seconds per epoch / the baseline's, the median over rounds
    seconds: Estimate | None = None  # to grok, of the restricted mean of epochs
    seconds_bound: str | None = None  # "lower" where some seeds did not grok
    speedup: Estimate | None = None  # the baseline's seconds / its own, as papers report it
    bound: str | None = None  # what censoring makes of `speedup`: lower, upper, mixed
    published_overhead: float | None = None  # implied: (seconds / epochs) over the baseline's
    published_seconds: float | None = None
    published_speedup: float | None = None


def costs(found: Comparisons) -> Iterator[Cost]:
    """The cost of every cell that was timed or has published seconds, in the order of the suite."""
    for each in found.cells:
        theirs = _published(each, found.manifest.published, found.manifest.baseline)
        if each.measured.seconds_per_epoch() is not None or theirs:
            yield _cost(each, theirs)


def _cost(each: Comparison, published: dict[str, float]) -> Cost:
    measured, baseline = each.measured, each.baseline
    comparable = baseline is not None and baseline is not measured and same_clock(baseline, measured)
    extra = overhead(baseline, measured) if baseline and comparable else None
    return Cost(
        task=measured.cell.task,
        regularizer=measured.cell.regularizer,
        seconds_per_epoch=_pace(measured),
        overhead=extra,
        seconds=_seconds(measured),
        seconds_bound=None if all(measured.grokked) else "lower",
        speedup=_speedup(baseline, measured, each.effect, extra) if baseline and each.effect and extra else None,
        bound=each.effect.bound if each.effect else None,
        **{f"published_{name}": value for name, value in published.items()},
    )


def _pace(measured: Measured) -> Estimate | None:
    """Seconds per epoch."""
    rounds = measured.rounds
    return Estimate(median(rounds), *stats.median_interval(rounds)) if rounds else None


def _seconds(measured: Measured) -> Estimate | None:
    """Seconds to grok; an incomplete cell has none."""
    pace, times = _pace(measured), measured.times
    if pace is None or not measured.complete:
        return None
    mean, half = fmean(times), stats.mean_half_width(times)
    epochs = Estimate(mean) if half is None else Estimate(mean, mean - half, mean + half)
    return pace.times(epochs).plus(_prepared(measured))


def overhead(baseline: Measured, method: Measured) -> Estimate | None:
    """A method's seconds per epoch over the baseline's; None where one of them was not timed.

    Round by round where both took part in the same rounds: what drifts reaches both.
    """
    before, after = baseline.rounds, method.rounds
    if not before or not after:
        return None
    if len(before) != len(after):
        first, second = Estimate(1 / median(before)), Estimate(median(after))
        return first.times(second)
    ratios = [b / a for a, b in zip(before, after, strict=True)]
    return Estimate(median(ratios), *stats.median_interval(ratios))


def _speedup(baseline: Measured, method: Measured, found: Effect, overhead: Estimate) -> Estimate | None:
    """The ratio of mean seconds; its interval is that of the ratio of mean epochs, widened by that of the overhead."""
    before, after = baseline.seconds(), method.seconds()
    if not before or not after or found.of_means is None:
        return None
    epochs = Estimate(found.of_means, found.of_means_low, found.of_means_high)
    flipped = (None if end is None else 1 / end for end in (overhead.high, overhead.low))
    ratio = epochs.times(Estimate(1 / overhead.value, *flipped))
    scale = before / after / ratio.value  # a median of ratios for one of medians; and what `prepare` took
    return Estimate(before / after, *(None if end is None else end * scale for end in ratio[1:]))


def _distance(value: float, end: float | None) -> float | None:
    """Between a figure and an end of its interval, in logarithms; None where there is none."""
    return None if end is None or min(value, end) <= 0 else abs(math.log(end / value))


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else math.hypot(one, other)


def _prepared(measured: Measured) -> float:
    return fmean(run.prepare_seconds for run in measured.finished)


def _published(each: Comparison, published: Published | None, baseline: str) -> dict[str, float]:
    """What the published tables say of a cell's seconds, and what they imply."""
    if published is None:
        return {}
    cell = each.measured.cell
    seconds, epochs = published.seconds.get(cell.task, {}), published.epochs.get(cell.task, {})
    if cell.regularizer not in seconds:
        return {}
    found = {"seconds": seconds[cell.regularizer]}
    if baseline in seconds and cell.regularizer != baseline:
        found["speedup"] = seconds[baseline] / found["seconds"]
        if baseline in epochs and cell.regularizer in epochs:
            found["overhead"] = epochs[baseline] / epochs[cell.regularizer] / found["speedup"]
    return found
