"""Contradictions between the outcome of a replica and its own curves.

Packed curves are thinned and rounded to float32. A value that equals a threshold up to this rounding therefore decides
nothing, and evaluations between two points of a curve are unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from grokbench.criterion import Stop, parse_condition
from grokbench.records import Cell, Curve, Outcome, Run

__all__ = ["contradictions"]

MEMORISED = parse_condition(">= 0.99")  # of the train accuracy, as in `engine.stopping`


@dataclass(frozen=True)
class Course:
    """The points of curves at which it is known whether some conditions hold.

    Attributes:
        holds: epoch -> whether all conditions hold.
    """

    holds: dict[int, bool]

    @classmethod
    def of(cls, curves: Mapping[str, Curve], conditions: Mapping[str, str]) -> "Course":
        """Judge the points that the curves of all conditions have; leave out points at a threshold."""
        sides = [_sides(curves.get(label, Curve((), ())), text) for label, text in conditions.items()]
        shared = set.intersection(*map(set, sides)) if sides else set()
        known = {epoch: [side[epoch] for side in sides] for epoch in sorted(shared)}
        return cls({e: all(each) for e, each in known.items() if False in each or None not in each})

    def before(self, epoch: int | None) -> int | None:
        """Return the first point before an epoch at which the conditions hold; None as `epoch` means any point."""
        return next((e for e, holds in self.holds.items() if holds and (epoch is None or e < epoch)), None)

    def fails_at(self, epoch: int | None) -> bool:
        """Return whether an epoch is a point at which the conditions do not hold."""
        return epoch is not None and self.holds.get(epoch) is False

    def misses(self, start: int, end: int) -> int:
        """Count the points after `start` and up to `end` at which the conditions do not hold."""
        return sum(not holds for epoch, holds in self.holds.items() if start < epoch <= end)


def _sides(curve: Curve, text: str) -> dict[int, bool | None]:
    """Return epoch -> whether a condition holds; None at the threshold."""
    condition = parse_condition(text)
    return {
        epoch: None if _equal(value, condition.threshold) else condition.holds(value)
        for epoch, value in zip(curve.epochs, curve.values, strict=True)
    }


def contradictions(cell: Cell, run: Run) -> Iterator[str]:
    """Yield a clause for each contradiction between a run and its curves.

    Args:
        cell: the cell of the run.
        run: the run with its thinned curves; a failed run contradicts nothing.
    """
    if run.outcome is Outcome.FAILED:
        return
    yield from _of_final(run)
    yield from _of_memorising(run)
    course = Course.of(run.curves, cell.recipe.grokked)
    if not isinstance(cell.recipe.stop, int):  # otherwise `grokked_at` is the start of a streak of evaluations
        yield from _of_first(run, course, cell.recipe.stop)
    yield from _of_later(cell, run, course)
    yield from _of_grid(cell, run)


def _of_final(run: Run) -> Iterator[str]:
    for label, value in run.final.items():
        curve = run.curves.get(label)
        if curve is None or not curve.epochs:
            yield f"it has no curve of {label}"
        elif curve.epochs[-1] != run.epochs:
            yield f"its curve of {label} ends at epoch {curve.epochs[-1]}, the run at {run.epochs}"
        elif not _equal(curve.values[-1], value):
            yield f"{label} ends at {curve.values[-1]:g} on its curve, but its last value is {value:g}"


def _equal(rounded: float, value: float) -> bool:
    """Return whether a value of a thinned curve equals a number rounded to float32."""
    with np.errstate(over="ignore"):
        return bool(np.array_equal(np.float32(rounded), np.float32(value), equal_nan=True))


def _of_memorising(run: Run) -> Iterator[str]:
    course = Course.of(run.curves, {"train_accuracy": f">= {MEMORISED.threshold}"})
    if (epoch := course.before(run.memorised_at)) is not None:
        yield f"its train accuracy is above 0.99 at epoch {epoch}, but it memorised {_at(run.memorised_at)}"
    if course.fails_at(run.memorised_at):
        yield f"its train accuracy is below 0.99 at epoch {run.memorised_at}, at which it should have memorised"


def _of_first(run: Run, course: Course, stop: Stop) -> Iterator[str]:
    first = run.crossings.first if run.crossings else run.grokked_at
    if run.outcome is Outcome.GROKKED and run.grokked_at != first:
        yield f"it grokked {_at(run.grokked_at)}, but its first crossing was {_at(first)}"
    if (epoch := course.before(first)) is not None:
        yield f"its curve meets the criterion at epoch {epoch}, but its first crossing was {_at(first)}"
    if course.fails_at(first):
        yield f"its curve does not meet the criterion at epoch {first}, at which it should have grokked"
    if stop == "grokked" and run.outcome is Outcome.GROKKED and first != run.epochs:
        yield f"it grokked {_at(first)}, where its training stops, but it was trained for {run.epochs} epochs"


def _of_later(cell: Cell, run: Run, course: Course) -> Iterator[str]:
    """Compare the crossings after the first with the curve."""
    found, hold = run.crossings, cell.recipe.hold
    if found is None:
        return
    for name, allowed in (("lasting", found.missed), ("strict", 0)):
        since = getattr(found, name)
        if since is None or hold is None:
            continue
        if course.fails_at(since):
            yield f"its curve does not meet the criterion at epoch {since}, its {name} crossing"
        if (misses := course.misses(since, since + hold)) > allowed:
            after = f"in the {hold} epochs after its {name} crossing at {since}"
            yield f"its curve misses the criterion {misses} times {after}"
    if found.first is not None and (misses := course.misses(found.first, run.epochs)) > found.below:
        yield f"its curve misses the criterion {misses} times after its first crossing, but it records {found.below}"


def _of_grid(cell: Cell, run: Run) -> Iterator[str]:
    """Refuse epochs at which the cell is not evaluated."""
    every, ends = cell.evaluate_every, (run.epochs, cell.budget, cell.last_epoch)
    times = {"grokked": run.grokked_at, "memorised": run.memorised_at}
    for name in ("first", "lasting", "strict"):
        times[f"{name} crossing"] = getattr(run.crossings, name, None)
    for name, epoch in times.items():
        if epoch is not None and epoch % every and epoch not in ends:
            yield f"it records {name} at epoch {epoch}, but it is evaluated every {every} epochs"


def _at(epoch: int | None) -> str:
    return "never" if epoch is None else f"at epoch {epoch}"
