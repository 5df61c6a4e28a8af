"""The phases of combined methods: which phases exist, and which run in a step."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from grokbench import random
from grokbench.regularizer import Regularizer

__all__ = ["Phases", "method_key"]

KEYED = ("perturb", "hidden", "penalty", "transform", "rate", "update", "project")  # phases that may use `At.key`


def method_key(key: Tensor, method: int) -> Tensor:
    """Fold a key into the key of one of several combined methods, so that each method has its own random stream.

    Args:
        key: (...), a key or several keys.
        method: the number of the method.
    """
    return random.fold(key, "method", method)


class Phases:
    """The phases of a cell's methods: the base class of `Step`, which defines the fields.

    Attributes:
        regularizers: the cell's methods, in the order of the suite.
        skipped: the phases that do not run in this step, as pairs (number of a method, phase).
    """

    regularizers: tuple[Regularizer, ...]
    skipped: frozenset[tuple[int, str]]

    def acting(self, phase: str) -> list[tuple[int, Callable[..., Any]]]:
        """List the methods that have a phase in this step, each as its number and the function of the phase."""
        found = [(method, getattr(regularizer, phase)) for method, regularizer in enumerate(self.regularizers)]
        return [(method, function) for method, function in found if function and (method, phase) not in self.skipped]

    def has(self, phase: str) -> bool:
        """Return whether any method has a phase of that name in this step."""
        return bool(self.acting(phase))

    def not_due(self, updates: int) -> frozenset[tuple[int, str]]:
        """Return the periodic phases that do not run after `updates` completed updates, in the form of `skipped`."""
        periods = [(method, *each) for method, one in enumerate(self.regularizers) for each in one.every.items()]
        return frozenset((method, phase) for method, phase, k in periods if updates % k)

    @cached_property
    def mapped(self) -> bool:
        """True if every method can be mapped over replicas."""
        return all(regularizer.mapped for regularizer in self.regularizers)

    @cached_property
    def periodic(self) -> bool:
        """True if a method has phases that do not run in every step."""
        return any(regularizer.every for regularizer in self.regularizers)

    @cached_property
    def reserve(self) -> float:
        """The share of the training set that is kept for the methods."""
        return max((regularizer.reserve for regularizer in self.regularizers), default=0.0)

    @cached_property
    def needs_train(self) -> bool:
        """True if the phases of a method read the replica's whole training set."""
        return any("train" in regularizer.needs for regularizer in self.regularizers)

    @property
    def draws(self) -> bool:
        """True if any method has a phase that may use its key."""
        return any(getattr(regularizer, phase) for regularizer in self.regularizers for phase in KEYED)

    def keys(self, key: Tensor) -> Tensor:
        """Fold the key of a step into one key for each method, (...) -> (..., methods); 0 methods if none draws.

        Folding takes dozens of operations, so the engine does it for all steps of an epoch at once.
        """
        methods = len(self.regularizers) if self.draws else 0
        folded = [method_key(key, method) for method in range(methods)]
        return torch.stack(folded, -1) if folded else key.new_empty((*key.shape, 0))
