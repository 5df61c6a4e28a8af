"""A cell: one task x one regularizer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from grokbench.records.bounds import Better, Epoch, Every, JsonObject, Labels, Uses
from grokbench.records.mark import Mark
from grokbench.records.origin import StoredOrigin
from grokbench.records.recipe import Recipe

__all__ = ["Cell", "Snapshots"]


@dataclass(frozen=True)
class Snapshots:
    """The epochs of a replica's training after which its weights are kept.

    Attributes:
        epochs: completed epochs, in ascending order.
        final: whether the weights at the end of training are also kept.
    """

    epochs: tuple[Epoch, ...] = ()
    final: bool = False

    def __bool__(self) -> bool:
        """Return whether any weights are kept."""
        return self.final or bool(self.epochs)

    def __or__(self, other: Self) -> "Snapshots":
        """Return the union of both."""
        return Snapshots(tuple(sorted({*self.epochs, *other.epochs})), self.final or other.final)

    def of(self, end: int) -> set[int]:
        """Return the epochs whose weights are kept for a replica that ended after `end` epochs."""
        return {epoch for epoch in self.epochs if epoch <= end} | ({end} if self.final else set())


@dataclass(frozen=True)
class Cell:
    """A cell: one task x one regularizer, with a value for every parameter.

    Attributes:
        task: the task's label in the suite.
        regularizer: the regularizer's label in the suite.
        identity: hash of the recipe, 16 hexadecimal digits; names the cell on disk.
        recipe: everything that decides when a replica groks.
        budget: the maximum number of epochs.
        evaluate_every: epochs between evaluations.
        metrics: label -> "higher" or "lower" (the better direction), None if neither is better.
        measured: metric label -> `use` (the plugin), `parameters` and `every`. The key `weights` is added only if its
            value is "raw", so that stored runs without this key stay comparable.
        privileges: what the method uses beyond the baseline.
        origins: `kind.name` of every plugin of the cell, such as `tasks.xor` -> origin.
        marks: differences between the cell's recipe and the task's, made by the suite or by the method.
        optimizer: setting of the task's optimizer -> its value, with the suite's changes but without the method's.
        compare_to: labels of further regularizers against which the cell is tested, besides the baseline.
        weights: the epochs after which the weights of each replica are kept. They are not part of the recipe, because
            no result depends on them.
    """

    task: str
    regularizer: str
    identity: str
    recipe: Recipe
    budget: Every
    evaluate_every: Every
    metrics: Mapping[str, Better | None]
    measured: Uses = field(default_factory=dict)
    privileges: Labels = ()
    origins: Mapping[str, StoredOrigin] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    optimizer: JsonObject = field(default_factory=dict)
    compare_to: Labels = ()
    weights: Snapshots = Snapshots()

    @property
    def key(self) -> tuple[str, str]:
        """The labels of task and regularizer, which distinguish two rows even if their recipes are equal."""
        return self.task, self.regularizer

    @property
    def last_epoch(self) -> int:
        """The last epoch that a replica can reach: the budget, plus H (`Recipe.hold`) for a crossing at the budget."""
        return self.budget + (self.recipe.hold or 0)

    @property
    def name(self) -> str:
        """The labels of task and regularizer, as sentences name the cell."""
        return f"{self.task} / {self.regularizer}"

    @property
    def criterion(self) -> str:
        """The criterion of grokking in words: `test_accuracy > 0.90`."""
        return " and ".join(f"{label} {condition}" for label, condition in self.recipe.grokked.items())
