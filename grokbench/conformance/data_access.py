"""Data that training may not look at, with a ledger of who looked."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grokbench import random
from grokbench.task import Task
from grokbench.types import Batch

__all__ = ["Ledger", "Noted", "with_ledger", "with_other_data"]

Ledger = set[str]  # names of the splits that were read


class Noted(dict[str, Batch]):
    """Splits that note which of them are read by name."""

    def __init__(self, splits: Mapping[str, Batch], ledger: Ledger) -> None:
        """The same splits, and the ledger that their readers are entered into."""
        super().__init__(splits)
        self.ledger = ledger

    def __getitem__(self, name: str) -> Batch:
        """The split, its reading noted."""
        self.ledger.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As dict.get."""
        return self[name] if name in self else default

    def pop(self, name: str, *default: Any) -> Any:
        """As dict.pop."""
        self.ledger.add(name)
        return super().pop(name, *default)


def with_ledger(task: Task, ledger: Ledger) -> Task:
    """The task whose data note who reads them.

    The training split counts too: a `prepare` has no key but its own, with which a task draws other examples than the
    replica's.
    """

    def splits(key: Tensor) -> dict[str, Batch]:
        return Noted(task.splits(key), ledger)

    def shared(device: torch.device) -> dict[str, Batch]:
        assert task.shared
        return Noted(task.shared(device), ledger)

    return replace(task, splits=splits, shared=shared if task.shared else None)


def with_other_data(task: Task) -> Task:
    """The task with other examples in every split: what does not depend on them gives the same."""

    def splits(key: Tensor) -> dict[str, Batch]:
        return task.splits(random.fold(key, "other"))

    def shared(device: torch.device) -> dict[str, Batch]:
        assert task.shared
        return {name: Batch(-batch.inputs, batch.targets.flip(0)) for name, batch in task.shared(device).items()}

    return replace(task, splits=splits, shared=shared if task.shared else None)
