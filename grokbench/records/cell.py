"""A cell: one task x one regularizer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from grokbench.records.mark import Mark
from grokbench.records.origin import StoredOrigin
from grokbench.records.recipe import Recipe

__all__ = ["Cell", "Snapshots"]


@dataclass(frozen=True)
class Snapshots:
    """The moments of a replica's training at which its weights are kept.

    Attributes:
        epochs: completed epochs, in ascending order.
        final: whether they are kept at the end, too.
    """

    epochs: tuple[int, ...] = ()
    final: bool = False

    def __bool__(self) -> bool:
        """Return whether any weights are kept."""
        return self.final or bool(self.epochs)

    def __or__(self, other: Self) -> "Snapshots":
        """Give the moments of either."""
        return Snapshots(tuple(sorted({*self.epochs, *other.epochs})), self.final or other.final)

    def of(self, end: int) -> set[int]:
        """Give the epochs of a replica that ended after `end` epochs."""
        return {epoch for epoch in self.epochs if epoch <= end} | ({end} if self.final else set())


@dataclass(frozen=True)
class Cell:
    """One task x one regularizer, every parameter resolved.

    Attributes:
        task: its label in the suite.
        regularizer: its label in the suite.
        identity: hash of the recipe, 16 hexadecimal digits; names the cell on disk.
        recipe: everything that decides when a replica groks.
        budget: epochs at most.
        evaluate_every: epochs between evaluations.
        metrics: label -> "higher" or "lower" (is better), None where neither is.
        measured: metric label -> `use` (the plugin), `parameters` and `every`; `weights` where they are "raw", since
            stored runs without the key are compared with it.
        privileges: what the method uses that the baseline does not have.
        origins: `kind.name` of every plugin in it, such as `tasks.xor` -> origin.
        marks: differences of its recipe from the task's, by the suite or by the method.
        optimizer: settings of the task's optimizer as the suite has them, before a method changes any: name -> value.
        compare_to: labels of other regularizers of the task that it is tested against, beside the baseline.
        weights: when the weights of its replicas are kept; not part of the recipe, since no number depends on it.
    """

    task: str
    regularizer: str
    identity: str
    recipe: Recipe
    budget: int
    evaluate_every: int
    metrics: Mapping[str, str | None]
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    privileges: tuple[str, ...] = ()
    origins: Mapping[str, StoredOrigin] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    compare_to: tuple[str, ...] = ()
    weights: Snapshots = Snapshots()

    @property
    def key(self) -> tuple[str, str]:
        """Both labels: they tell two rows apart even where their recipes are the same."""
        return self.task, self.regularizer

    @property
    def last_epoch(self) -> int:
        """The most epochs of a replica: the budget, and H more where a crossing just before it is still watched."""
        return self.budget + (self.recipe.hold or 0)

    @property
    def name(self) -> str:
        """The labels of task and regularizer as they are written in a sentence."""
        return f"{self.task} / {self.regularizer}"

    @property
    def criterion(self) -> str:
        """The criterion of grokking in words: `test_accuracy > 0.90`."""
        return " and ".join(f"{label} {condition}" for label, condition in self.recipe.grokked.items())
