"""Rounds in which competitors take turns, so that a drift of the machine's speed affects all; results are medians."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.cases import Case
from benchmarks.competitors import Competitor, Figure

__all__ = ["Result", "measure"]


@dataclass(frozen=True)
class Result:
    """The rounds of one case.

    Attributes:
        case: the measured case.
        figures: competitor -> its figure in each round.
    """

    case: Case
    figures: Mapping[str, Sequence[Figure]]

    @property
    def reference(self) -> str:
        """The competitor that the others are compared with."""
        return next(iter(self.figures))

    @property
    def rounds(self) -> int:
        """The number of rounds."""
        return len(self.figures[self.reference])

    def seconds(self, name: str) -> float:
        """Return a competitor's seconds per seed-epoch, the median of its rounds."""
        return median(figure.seconds for figure in self.figures[name])

    def ratios(self, name: str, reference: str | None = None) -> list[float]:
        """Return a competitor's speed in each round, relative to the reference or to another competitor."""
        pairs = zip(self.figures[reference or self.reference], self.figures[name], strict=True)
        return [slower.seconds / figure.seconds for slower, figure in pairs]

    def busy_ratio(self, name: str, reference: str | None = None) -> float | None:
        """Return the median relative speed without idle cores; None if the competitor has no such detail."""
        pairs = zip(self.figures[reference or self.reference], self.figures[name], strict=True)
        ratios = [slower.seconds / f.details["busy"] for slower, f in pairs if "busy" in f.details]
        return median(ratios) if ratios else None

    def json(self) -> dict[str, Any]:
        """Return medians and every round as JSON data."""
        cell, others = self.case.cell, [name for name in self.figures if name != self.reference]
        ratios = {
            f"{name} / {other}": {"median": median(found), "lowest": min(found), "highest": max(found)}
            for name in others
            for other in self.figures
            if other != name
            for found in [self.ratios(name, other)]
        }
        return {
            "task": cell.task,
            "method": cell.regularizer,
            "task_parameters": dict(cell.recipe.task.parameters),
            "seeds": len(self.case.seeds),
            "epochs": cell.budget - self.case.short,
            "evaluate_every": cell.evaluate_every,
            "seconds_per_seed_epoch": {name: self.seconds(name) for name in self.figures},
            "seed_epochs_per_second": {name: 1.0 / self.seconds(name) for name in self.figures},
            "speed": ratios,
            "busy_ratio": {name: self.busy_ratio(name) for name in others},
            "rounds": {
                name: [{"seconds": figure.seconds, **figure.details} for figure in figures]
                for name, figures in self.figures.items()
            },
        }


def measure(
    case: Case,
    competitors: Mapping[str, Competitor],
    rounds: int,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """Run rounds of a case, in each of which every competitor has one turn.

    Args:
        case: the case to measure.
        competitors: by name, in the order of their turns.
        rounds: how many.
        say: prints a line about the progress.
    """
    began = time.monotonic()
    prepared = {name: competitor(case) for name, competitor in competitors.items()}
    say(f"{case.name}: ready after {time.monotonic() - began:.1f} s")
    taken = []
    for number in range(1, rounds + 1):
        began = time.monotonic()
        taken.append({name: one_round() for name, one_round in prepared.items()})
        say(f"{case.name}: round {number} of {rounds}, {time.monotonic() - began:.1f} s")
    return Result(case, {name: [figures[name] for figures in taken] for name in prepared})
