"""Tasks that record which data a method reads, or that have changed data, to detect the use of withheld data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grokbench import random
from grokbench.task import Task
from grokbench.types import Batch

__all__ = ["RecordedSplits", "SplitsRead", "with_other_data", "with_recorded_reads"]

SplitsRead = set[str]  # names of splits


class RecordedSplits(dict[str, Batch]):
    """A dict of splits that records the names of the splits that are read."""

    def __init__(self, splits: Mapping[str, Batch], read: SplitsRead) -> None:
        """Copy the splits; the names read are added to `read`."""
        super().__init__(splits)
        self.read = read

    def __getitem__(self, name: str) -> Batch:
        """Return a split and record its name."""
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a split as dict.get does, and record its name if it exists."""
        return self[name] if name in self else default

    def pop(self, name: str, *default: Any) -> Any:
        """Remove and return a split as dict.pop does, and record its name."""
        self.read.add(name)
        return super().pop(name, *default)


def with_recorded_reads(task: Task, read: SplitsRead) -> Task:
    """Return the task with data that record which splits are read.

    The training split counts too, because a `prepare` can draw it only with its own key, and the examples are then not
    those of the replica.

    Args:
        task: the task.
        read: receives the names of the splits read.
    """

    def splits(key: Tensor) -> dict[str, Batch]:
        return RecordedSplits(task.splits(key), read)

    def shared(device: torch.device) -> dict[str, Batch]:
        assert task.shared
        return RecordedSplits(task.shared(device), read)

    return replace(task, splits=splits, shared=shared if task.shared else None)


def with_other_data(task: Task) -> Task:
    """Return the task with changed examples in every split; results that do not depend on the data stay the same."""

    def splits(key: Tensor) -> dict[str, Batch]:
        return task.splits(random.fold(key, "other"))

    def shared(device: torch.device) -> dict[str, Batch]:
        assert task.shared
        return {name: Batch(-batch.inputs, batch.targets.flip(0)) for name, batch in task.shared(device).items()}

    return replace(task, splits=splits, shared=shared if task.shared else None)
