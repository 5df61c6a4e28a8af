"""Comparisons -> what methods cost in seconds: of an epoch, and to grok. No torch.

Seconds to grok are seconds per epoch, measured apart (`timing.py`), times mean epochs, plus what `prepare` took. Both
factors are uncertain: their intervals, taken in logarithms, are independent, so half-widths add in quadrature.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from grokbench import stats
from grokbench.comparison import Comparison, Comparisons
from grokbench.effects import Effect
from grokbench.outcomes import Measured
from grokbench.records import Published

__all__ = ["Cost", "Estimate", "costs"]

Half = float | None  # of an interval, in logarithms; None where it is not known


class Estimate(NamedTuple):
    """A figure with its 95% interval; None for ends that are not known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one cell costs; None is what does not exist."""

    task: str
    regularizer: str
    seconds_per_epoch: Estimate | None = None  # of one replica trained alone, evaluation excluded
    overhead: Estimate | None = None  # its seconds per epoch / the baseline's
    seconds: Estimate | None = None  # to grok, of the restricted mean of epochs
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
    compared = None if each.is_baseline else each.baseline
    return Cost(
        task=each.measured.cell.task,
        regularizer=each.measured.cell.regularizer,
        seconds_per_epoch=_around(each.measured.seconds_per_epoch(), _half(_log_rounds(each.measured))),
        overhead=_overhead(compared, each.measured) if compared else None,
        seconds=_seconds(each.measured),
        speedup=_speedup(compared, each.measured, each.effect) if compared and each.effect else None,
        bound=each.effect.bound if each.effect else None,
        **{f"published_{name}": value for name, value in published.items()},
    )


def _seconds(measured: Measured) -> Estimate | None:
    """Seconds to grok; an incomplete cell has none."""
    times = np.array(measured.times)
    spread = stats.mean_half_width(times)
    epochs = None if spread is None else spread / float(times.mean())
    half = _both(_half(_log_rounds(measured)), epochs)
    return _around(measured.seconds(), half) if measured.complete else None


def _overhead(baseline: Measured, method: Measured) -> Estimate | None:
    before, after = baseline.seconds_per_epoch(), method.seconds_per_epoch()
    if before is None or after is None:
        return None
    return _around(after / before, _half_of_ratio(method, baseline))


def _speedup(baseline: Measured, method: Measured, found: Effect) -> Estimate | None:
    """Its interval: that of the ratio of mean epochs, which may be lopsided, and that of the rounds."""
    before, after, ratio = baseline.seconds(), method.seconds(), found.of_means
    if before is None or after is None or ratio is None:
        return None
    rounds = _half_of_ratio(method, baseline)
    up = _both(rounds, math.log(found.of_means_high / ratio) if found.of_means_high else None)
    down = _both(rounds, math.log(ratio / found.of_means_low) if found.of_means_low else None)
    low, high = _around(before / after, down), _around(before / after, up)
    return Estimate(before / after, low.low if low else None, high.high if high else None)


def _log_rounds(measured: Measured) -> stats.Floats:
    """The logarithms of a cell's seconds per epoch, round by round: the cells of a task took turns."""
    return np.log([seconds for timing in measured.timings for seconds in timing.seconds_per_epoch])


def _half_of_ratio(method: Measured, baseline: Measured) -> Half:
    """Of the ratio of two cells' seconds per epoch; rounds are pairs where both cells took part in the same ones."""
    after, before = _log_rounds(method), _log_rounds(baseline)
    return _half(after - before) if after.size == before.size else _both(_half(after), _half(before))


def _half(logs: stats.Floats) -> Half:
    return stats.mean_half_width(logs)


def _both(one: Half, other: Half) -> Half:
    return None if one is None or other is None else math.hypot(one, other)


def _around(value: float | None, half: Half) -> Estimate | None:
    if value is None or half is None:
        return None if value is None else Estimate(value)
    return Estimate(value, value * math.exp(-half), value * math.exp(half))


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
