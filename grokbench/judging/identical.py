"""The search for methods that do nothing: methods whose curves equal the baseline's on every seed."""

import math
from collections.abc import Callable

from grokbench.judging.outcomes import Measured
from grokbench.records import Cell, Curve, Run

__all__ = ["Curves", "identical"]

Curves = Callable[[Cell, int], Run | None]  # a cell and a seed -> its run, with curves


def identical(baseline: Measured, method: Measured, curves: Curves | None) -> bool:
    """Return whether every curve of a method equals the baseline's at every common evaluation of every planned seed.

    The result is False if a run of either cell is missing or has failed. Evaluations that a packed folder left out are
    not compared. Curves are read only if the runs are otherwise equal, seed by seed, until the first difference.

    Args:
        baseline: the baseline's cell of the same task.
        method: the method's cell, with the same seeds in the same order.
        curves: a function that reads a run again with its curves, or returns None if they cannot be read.
    """
    if not (baseline.complete and method.complete):
        return False
    pairs = list(zip(baseline.finished, method.finished, strict=True))
    if not all(_may_be_equal(*pair) for pair in pairs):
        return False
    return all(_equal(_read(baseline, a, curves), _read(method, b, curves)) for a, b in pairs)


def _may_be_equal(one: Run, other: Run) -> bool:
    """Return whether two runs are equal in everything that is known without their curves."""
    if (one.grokked_at, one.memorised_at, one.epochs) != (other.grokked_at, other.memorised_at, other.epochs):
        return False
    return all(_same(value, other.final[label]) for label, value in one.final.items() if label in other.final)


def _read(measured: Measured, run: Run, curves: Curves | None) -> Run | None:
    return run if run.curves or curves is None else curves(measured.cell, run.seed)


def _equal(one: Run | None, other: Run | None) -> bool:
    if one is None or other is None:
        return False
    common = [label for label in one.curves if label in other.curves]
    trained = any(max({*one.curves[label].epochs} & {*other.curves[label].epochs}, default=0) for label in common)
    return trained and all(_alike(one.curves[label], other.curves[label]) for label in common)


def _alike(one: Curve, other: Curve) -> bool:
    there = dict(zip(other.epochs, other.values, strict=True))
    return all(
        _same(value, there[epoch]) for epoch, value in zip(one.epochs, one.values, strict=True) if epoch in there
    )


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
