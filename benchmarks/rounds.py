"""Competitors take turns, round by round, so that a drift of the machine's speed reaches them all; medians are kept."""

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
    """The rounds of one case."""

    case: Case
    figures: Mapping[str, Sequence[Figure]]  # competitor -> one per round

    @property
    def reference(self) -> str:
        """The competitor the others are compared with."""
        return next(iter(self.figures))

    @property
    def rounds(self) -> int:
        """How many there were."""
        return len(self.figures[self.reference])

    def seconds(self, name: str) -> float:
        """A competitor's seconds per seed-epoch, the median of its rounds."""
        return median(figure.seconds for figure in self.figures[name])

    def detail(self, name: str, key: str) -> float | None:
        """The median of a detail of a competitor's figures; None where it has none."""
        values = [figure.details[key] for figure in self.figures[name] if key in figure.details]
        return median(values) if values else None

    def ratios(self, name: str, reference: str | None = None) -> list[float]:
        """How many times as fast as the reference, or another competitor, a competitor was, round by round."""
        pairs = zip(self.figures[reference or self.reference], self.figures[name], strict=True)
        return [slower.seconds / figure.seconds for slower, figure in pairs]

    def busy_ratio(self, name: str, reference: str | None = None) -> float | None:
        """The median ratio where no core waits for another; None where a competitor does not tell."""
        pairs = zip(self.figures[reference or self.reference], self.figures[name], strict=True)
        told = [slower.seconds / f.details["busy"] for slower, f in pairs if "busy" in f.details]
        return median(told) if told else None

    def json(self) -> dict[str, Any]:
        """Plain data: medians, and every round."""
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
    """So many rounds of a case: every competitor once, then every competitor again; `say` hears of each round."""
    began = time.monotonic()
    prepared = {name: competitor(case) for name, competitor in competitors.items()}
    say(f"{case.name}: ready after {time.monotonic() - began:.1f} s")
    taken = []
    for number in range(1, rounds + 1):
        began = time.monotonic()
        taken.append({name: one_round() for name, one_round in prepared.items()})
        say(f"{case.name}: round {number} of {rounds}, {time.monotonic() - began:.1f} s")
    return Result(case, {name: [figures[name] for figures in taken] for name in prepared})
