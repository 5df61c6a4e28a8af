"""Published numbers to compare with: means, their spreads, and final values of metrics."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from grokbench.records.bounds import Count

__all__ = ["Published", "Spread"]


@dataclass(frozen=True)
class Spread:
    """The spread of a published mean over seeds; a value that is not published is None.

    Attributes:
        std: the standard deviation over seeds.
        seeds: the number of seeds.
    """

    std: float | None = None
    seeds: Count | None = None

    def __post_init__(self) -> None:
        """Refuse a spread without a standard error, because a file may have been edited."""
        if self.std is not None and not (0 <= self.std < math.inf and (self.seeds or 0) >= 2):
            got = f"got {self.std} and {self.seeds} seeds"
            raise ValueError(
                f"a published standard deviation must be finite, at least 0 and of at least 2 seeds, {got}"
            )


@dataclass(frozen=True)
class Published:
    """Published means to compare with.

    Attributes:
        source: the publication.
        epochs: task label -> regularizer label -> mean epochs to grok.
        seconds: task label -> regularizer label -> mean seconds to grok.
        metrics: metric label -> task label -> regularizer label -> mean final value.
        speedups: task label -> regularizer label -> the ratio of mean epochs, baseline / method, where a publication
            gives the ratio itself; it replaces the ratio of `epochs`.
        spreads: "epochs" or "seconds" -> task label -> regularizer label -> the spread of that mean, where published.
    """

    source: str
    epochs: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    spreads: Mapping[str, Mapping[str, Mapping[str, Spread]]] = field(default_factory=dict)
    speedups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse means that are not positive, because ratios divide by them and a file may have been edited."""
        units = (self.epochs, self.seconds, self.speedups)
        means = [mean for unit in units for row in unit.values() for mean in row.values()]
        if not all(0.0 < mean < math.inf for mean in means):
            raise ValueError("published means and speed-ups must be positive and finite")
        finals = [value for tasks in self.metrics.values() for row in tasks.values() for value in row.values()]
        if not all(map(math.isfinite, finals)):
            raise ValueError("published values must be finite")

    def finals(self, task: str, regularizer: str) -> dict[str, float]:
        """Select the published final values of a cell, by metric."""
        found = {label: tasks.get(task, {}).get(regularizer) for label, tasks in self.metrics.items()}
        return {label: value for label, value in found.items() if value is not None}
