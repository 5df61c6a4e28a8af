"""The cost of methods in seconds, per epoch and to grok, from comparisons. No torch.

Seconds per epoch are the median over rounds of timing (`engine.timing`), with the interval of a median from order
statistics. Seconds to grok are seconds per epoch times mean epochs, plus the seconds of `prepare`. Epochs and rounds
are independent, so the half-widths of their intervals, in logarithms, add in quadrature; the seconds of `prepare` are
taken as exact.
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
from grokbench.text.numbers import to_print

__all__ = ["Cost", "Estimate", "costs", "overhead", "seconds_speedup"]


class Estimate(NamedTuple):
    """A number with its 95% interval.

    Attributes:
        value: the number.
        low: lower end of the interval; None if it is not known.
        high: upper end of the interval; None if it is not known.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def times(self, factor: "Estimate") -> "Estimate":
        """Multiply two independent estimates."""
        value = self.value * factor.value
        down = _both(_distance(self.value, self.low), _distance(factor.value, factor.low))
        up = _both(_distance(self.value, self.high), _distance(factor.value, factor.high))
        low = None if down is None else value * math.exp(-down)
        return Estimate(value, low, None if up is None else value * math.exp(up))

    def plus(self, constant: float) -> "Estimate":
        """Add an exact number."""
        low, high = (None if end is None else end + constant for end in (self.low, self.high))
        return Estimate(self.value + constant, low, high)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of one cell; a value that does not exist is None.

    Attributes:
        task: label of the task.
        regularizer: label of the method.
        seconds_per_epoch: seconds per epoch of one replica trained alone, evaluation excluded.
        flop_per_epoch: floating-point operations of such an epoch.
        overhead: seconds per epoch / the baseline's seconds per epoch; median over rounds.
        seconds: seconds to grok, for the restricted mean of epochs.
        seconds_bound: "lower" if some seeds did not grok.
        speedup: the baseline's seconds to grok / the method's, the ratio that papers report.
        bound: lower, upper or mixed if censoring makes `speedup` a bound; otherwise None.
        refused: CPU time / wall time of a refused timing, see `Timing`.
        published_overhead: published seconds / published epochs, divided by the same ratio of the baseline.
        published_seconds: published seconds to grok.
        published_speedup: published seconds of the baseline / those of the method.
    """

    task: str
    regularizer: str
    seconds_per_epoch: Estimate | None = None
    flop_per_epoch: int | None = None
    overhead: Estimate | None = None
    seconds: Estimate | None = None
    seconds_bound: str | None = None
    speedup: Estimate | None = None
    bound: str | None = None
    refused: float | None = None
    published_overhead: float | None = None
    published_seconds: float | None = None
    published_speedup: float | None = None

    @property
    def seconds_valid_end(self) -> float | None:
        """The seconds to print; for a bound the valid end of their interval, as in `Row`."""
        return self.seconds and to_print(*self.seconds, self.seconds_bound)

    @property
    def speedup_valid_end(self) -> float | None:
        """The ratio to print, after >= or <= if it is a bound; `Row` has it as `seconds_speedup_valid_end`."""
        return self.speedup and to_print(*self.speedup, self.bound)


def costs(found: Comparisons) -> Iterator[Cost]:
    """Yield the cost of each cell that has a timing (even a refused one) or published seconds, in the suite's order."""
    for each in found.cells:
        theirs = _published(each, found.manifest.published, found.manifest.baseline)
        if each.measured.timings or theirs:
            yield _cost(each, theirs)


def _cost(each: Comparison, published: dict[str, float]) -> Cost:
    measured = each.measured
    return Cost(
        task=measured.cell.task,
        regularizer=measured.cell.regularizer,
        seconds_per_epoch=_pace(measured),
        flop_per_epoch=measured.flop_per_epoch(),
        overhead=_overhead(each),
        seconds=_seconds(measured),
        seconds_bound=measured.mean_bound,
        speedup=seconds_speedup(each),
        bound=each.effect.bound if each.effect else None,
        refused=measured.refused,
        **{f"published_{name}": value for name, value in published.items()},
    )


def _pace(measured: Measured) -> Estimate | None:
    """Estimate the seconds per epoch."""
    rounds = measured.rounds
    return Estimate(median(rounds), *stats.median_interval(rounds)) if rounds else None


def _seconds(measured: Measured) -> Estimate | None:
    """Estimate the seconds to grok; None for an incomplete cell."""
    value, pace, times = measured.seconds(), _pace(measured), measured.times
    if value is None or pace is None:
        return None
    mean, half = fmean(times), stats.mean_half_width(times)
    epochs = Estimate(mean) if half is None else Estimate(mean, mean - half, mean + half)
    return Estimate(value, *pace.times(epochs).plus(measured.prepare_seconds())[1:])


def overhead(baseline: Measured, method: Measured) -> Estimate | None:
    """Estimate the ratio of a method's seconds per epoch to the baseline's; None unless both were timed.

    If both were timed in the same rounds, the ratio is taken within each round, so that a drift of the machine cancels.

    Args:
        baseline: the baseline's cell on the same task.
        method: the cell whose seconds are the numerator.
    """
    before, after = baseline.rounds, method.rounds
    if not before or not after:
        return None
    if len(before) != len(after):
        first, second = Estimate(1 / median(before)), Estimate(median(after))
        return first.times(second)
    ratios = [b / a for a, b in zip(before, after, strict=True)]
    return Estimate(median(ratios), *stats.median_interval(ratios))


def _overhead(each: Comparison) -> Estimate | None:
    """Estimate the overhead of a cell; None for the baseline, or if the two were not timed in turns."""
    baseline, method = each.baseline, each.measured
    comparable = baseline is not None and baseline is not method and same_clock(baseline, method)
    return overhead(baseline, method) if baseline and comparable else None


def seconds_speedup(each: Comparison) -> Estimate | None:
    """Estimate the ratio of the baseline's mean seconds to grok to a method's.

    The 95% interval of this ratio combines the intervals of the ratio of mean epochs and of the overhead. Censoring
    makes the ratio the same kind of bound as the speed-up in epochs, see `Effect.bound`.

    Args:
        each: the method and its baseline.

    Returns:
        The estimate; None if the two were not compared, or were not timed in turns.
    """
    baseline, found, extra = each.baseline, each.effect, _overhead(each)
    return _speedup(baseline, each.measured, found, extra) if baseline and found and extra else None


def _speedup(baseline: Measured, method: Measured, found: Effect, overhead: Estimate) -> Estimate | None:
    before, after = baseline.seconds(), method.seconds()
    if not before or not after or found.of_means is None:
        return None
    epochs = Estimate(found.of_means, found.of_means_low, found.of_means_high)
    flipped = (None if end is None else 1 / end for end in (overhead.high, overhead.low))
    ratio = epochs.times(Estimate(1 / overhead.value, *flipped))
    scale = before / after / ratio.value  # from a median of ratios to this ratio
    return Estimate(before / after, *(None if end is None else end * scale for end in ratio[1:]))


def _distance(value: float, end: float | None) -> float | None:
    """Compute the distance from a number to an end of its interval, in logarithms; None if one of them is missing.

    The distance to an end at or below 0 is infinite; the end of a product is then 0, the shortest possible time.
    """
    if end is None or value <= 0:
        return None
    return abs(math.log(end / value)) if end > 0 else math.inf


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else math.hypot(one, other)


def _published(each: Comparison, published: Published | None, baseline: str) -> dict[str, float]:
    """Collect the published seconds of a cell, and the ratios that they imply."""
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
