"""Competitors take turns, round by round, so that a drift of the machine's speed reaches them all; medians are kept."""

from collections.abc import Mapping, Sequence
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

    def ratios(self, name: str) -> list[float]:
        """How many times as fast as the reference a competitor was, round by round."""
        pairs = zip(self.figures[self.reference], self.figures[name], strict=True)
        return [reference.seconds / figure.seconds for reference, figure in pairs]

    def busy_ratio(self, name: str) -> float | None:
        """The median ratio where no core waits for another; None where a competitor does not tell."""
        pairs = zip(self.figures[self.reference], self.figures[name], strict=True)
        told = [reference.seconds / f.details["busy"] for reference, f in pairs if "busy" in f.details]
        return median(told) if told else None

    def json(self) -> dict[str, Any]:
        """Plain data: medians, and every round."""
        cell, others = self.case.cell, [name for name in self.figures if name != self.reference]
        return {
            "task": cell.task,
            "method": cell.regularizer,
            "task_parameters": dict(cell.recipe["task"]["parameters"]),
            "seeds": len(self.case.seeds),
            "epochs": cell.budget,
            "evaluate_every": cell.evaluate_every,
            "seconds_per_seed_epoch": {name: self.seconds(name) for name in self.figures},
            "seed_epochs_per_second": {name: 1.0 / self.seconds(name) for name in self.figures},
            "ratio": {name: median(self.ratios(name)) for name in others},
            "busy_ratio": {name: self.busy_ratio(name) for name in others},
            "rounds": {
                name: [{"seconds": figure.seconds, **figure.details} for figure in figures]
                for name, figures in self.figures.items()
            },
        }


def measure(case: Case, competitors: Mapping[str, Competitor], rounds: int) -> Result:
    """So many rounds of a case: every competitor once, then every competitor again."""
    prepared = {name: competitor(case) for name, competitor in competitors.items()}
    taken = [{name: one_round() for name, one_round in prepared.items()} for _ in range(rounds)]
    return Result(case, {name: [figures[name] for figures in taken] for name in prepared})
