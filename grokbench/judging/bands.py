"""Curves of one cell over its seeds: quartiles, mean and spread over epochs, thinned to the resolution of a chart.

Replicas stop when they have grokked, so the curves of a cell end at different epochs. A replica that grokked or reached
the budget keeps its last value; one that diverged has no value after its last finite one. A statistic of the replicas
that still train would describe the slow seeds alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grokbench.records import Curve, Outcome, Run
from grokbench.stats import Floats

__all__ = ["Band", "band"]

LARGEST = 1e300  # larger values count as not finite: their differences, and the margins of an axis, may overflow
MOST = 120  # most epochs of a band: more than a reader can distinguish in a chart one column wide


@dataclass(frozen=True)
class Band:
    """One metric of one cell over seeds at k epochs; nan where no seed has a finite value.

    Attributes:
        epochs: (k,), ascending; at the last one, the last seed stopped.
        low: lower quartile over seeds (k,).
        median: (k,).
        high: upper quartile (k,).
        mean: mean over seeds (k,).
        sd: standard deviation over seeds, with n - 1 (k,); 0 for a single seed.
        seeds: seed -> its values (k,); nan after the seed stopped.
    """

    epochs: NDArray[np.int64]
    low: Floats
    median: Floats
    high: Floats
    mean: Floats
    sd: Floats
    seeds: dict[int, Floats]


def band(runs: Iterable[Run], metric: str, most: int = MOST) -> Band | None:
    """Compute the band of a metric over the runs of a cell; None if the metric was never measured.

    Args:
        runs: the runs of one cell; failed runs are left out, because they say nothing about the method.
        metric: the label of the metric.
        most: the largest number of evaluations in the band.
    """
    sound = [run for run in runs if run.outcome is not Outcome.FAILED and metric in run.curves]
    curves = {run.seed: (run.curves[metric], run.outcome) for run in sound if run.curves[metric].epochs}
    if not curves:
        return None
    epochs = thinned([curve.epochs for curve, _ in curves.values()], most)
    shown = {seed: _at(curve, epochs) for seed, (curve, _) in curves.items()}
    carried = np.stack([_carried(shown[seed], *pair) for seed, pair in curves.items()])
    low, median, high = _quartiles(carried)
    return Band(epochs, low, median, high, *_moments(carried), shown)


def thinned(evaluations: Sequence[Sequence[int]], most: int) -> NDArray[np.int64]:
    """Select epochs of several curves for a chart, always with the first and the last epoch.

    One third of the selected epochs is evenly spaced on a linear axis and the rest on a logarithmic axis, because a
    chart may have either axis.

    Args:
        evaluations: the epochs of each curve.
        most: the largest number of epochs to select, at least 2.
    """
    epochs = np.unique(np.concatenate([np.asarray(each, np.int64) for each in evaluations]))
    if len(epochs) <= most:
        return epochs
    even = np.linspace(epochs[0], epochs[-1], most // 3)
    logs = np.expm1(np.linspace(np.log1p(epochs[0]), np.log1p(epochs[-1]), most - most // 3))
    wanted = np.concatenate([logs, even])
    return np.unique(epochs[np.searchsorted(epochs, wanted - 1e-6).clip(max=len(epochs) - 1)])


def _at(curve: Curve, epochs: NDArray[np.int64]) -> Floats:
    """Look up the latest value at each epoch; nan after the curve's end, and for a value that is not finite."""
    at, values = np.asarray(curve.epochs, np.int64), np.asarray(curve.values, float)
    latest = np.searchsorted(at, epochs, side="right") - 1
    known = (latest >= 0) & (epochs <= _end(at, epochs))
    found = np.where(known, values[latest.clip(min=0)], np.nan)
    return np.where(np.abs(found) <= LARGEST, found, np.nan)


def _end(at: NDArray[np.int64], epochs: NDArray[np.int64]) -> int:
    """Find the first shown epoch from the curve's last epoch on, so that the curve's end is always drawn."""
    return int(epochs[np.searchsorted(epochs, at[-1]).clip(max=len(epochs) - 1)])


def _carried(values: Floats, curve: Curve, outcome: Outcome) -> Floats:
    """Continue the curve with its last value, unless the replica diverged."""
    if outcome is Outcome.DIVERGED or not abs(curve.values[-1]) <= LARGEST:
        return values
    ended = np.cumsum(np.isfinite(values)) == np.isfinite(values).sum()
    return np.where(ended & np.isnan(values), curve.values[-1], values)


def _quartiles(values: Floats) -> Floats:
    """Compute lower quartile, median and upper quartile over seeds (3, k), ignoring nan, faster than `nanquantile`."""
    ordered, known = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)  # nan is sorted last
    at = np.array([[0.25], [0.5], [0.75]]) * (known - 1).clip(min=0)
    below = np.floor(at).astype(int)
    low, high = (np.take_along_axis(ordered, i, axis=0) for i in (below, np.ceil(at).astype(int)))
    return low + (high - low) * (at - below)


def _moments(values: Floats) -> tuple[Floats, Floats]:
    """Compute mean and standard deviation over seeds, each (k,), ignoring nan, without the warnings of `nanmean`."""
    known = np.isfinite(values)
    n = known.sum(axis=0)
    scale = np.max(np.abs(values), axis=0, initial=1.0, where=known)  # the squares of large values would overflow
    scaled = np.where(known, values / scale, 0.0)
    mean = scaled.sum(axis=0) / n.clip(min=1)
    squares = np.where(known, scaled - mean, 0.0) ** 2
    sd = np.sqrt(squares.sum(axis=0) / (n - 1).clip(min=1))
    return np.where(n > 0, scale * mean, np.nan), np.where(n > 0, scale * sd, np.nan)
