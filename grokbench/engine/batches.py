"""The batches and keys of an epoch, drawn before its first step."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import random
from grokbench.engine.groups import Group
from grokbench.step import Step
from grokbench.types import Batch

__all__ = ["Draws", "batch_of", "draw", "epoch_batches", "reserved_examples"]


class Draws(NamedTuple):
    """The random draws of an epoch.

    Attributes:
        keys: (steps, replicas, methods), see `Step.keys`; the last axis is empty if no method draws.
        rows: (replicas, n), the batch order, as row numbers in the table of all examples; None with full
            batches.
    """

    keys: Tensor
    rows: Tensor | None


def draw(step: Step, group: Group, epoch: int | Tensor) -> Draws:
    """Draw the keys and the batch order of the epoch after `epoch` completed ones.

    Args:
        step: the cell's step.
        group: the replicas.
        epoch: completed epochs; a tensor, (), if the epoch is captured as a CUDA graph.
    """
    keys = _keys(step, group.keys, epoch)
    if step.full_batch:
        return Draws(keys, None)
    return Draws(keys, _order(step, group, epoch) + _first_rows(group))


def _order(step: Step, group: Group, epoch: int | Tensor) -> Tensor:
    """The numbers of the examples in the order of the batches, (replicas, n)."""
    n = step.task.train_size
    if step.task.full_batch:
        order = torch.arange(n, device=group.keys.device).expand(len(group.keys), n)
    else:
        order = vmap(lambda key: random.permutation(random.fold(key, "batches", epoch), n))(group.keys)
    return group.reserved.replaced.gather(1, order) if group.reserved else order


def _first_rows(group: Group) -> Tensor | int:
    """Return the first row of each replica's data in the table of all examples, (replicas, 1); 0 for shared data."""
    if group.split_axes["train"] is None:
        return 0
    replicas, n = group.splits["train"].targets.shape[:2]
    return torch.arange(0, replicas * n, n, device=group.keys.device)[:, None]


def _keys(step: Step, replicas: Tensor, epoch: int | Tensor) -> Tensor:
    """Derive the methods' keys for every step of an epoch, (steps, replicas, methods), from the replicas' keys."""
    keys = replicas.expand(step.task.steps, -1)
    if step.draws:
        counts = torch.arange(step.task.steps, device=replicas.device)[:, None]
        keys = random.fold(keys, "regularizer", epoch, counts)
    return step.keys(keys)


def epoch_batches(step: Step, group: Group, epoch: int | Tensor) -> Iterator[tuple[Batch, int | None]]:
    """Yield the batches of the epoch after `epoch` completed ones, each with its axis of replicas, see `batch_of`.

    Args:
        step: the cell's step.
        group: the replicas.
        epoch: completed epochs; a tensor, (), if the epoch is captured as a CUDA graph.
    """
    drawn = draw(step, group, epoch)
    for number in range(step.task.steps):
        yield batch_of(step, group, drawn, number)


def batch_of(step: Step, group: Group, drawn: Draws, number: int | Tensor) -> tuple[Batch, int | None]:
    """Gather a batch of an epoch.

    Args:
        step: the cell's step.
        group: the replicas.
        drawn: the draws of the epoch.
        number: the number of the batch, from 0. A number given as a tensor, (), must not be that of a smaller last
            batch, because then the batch's size would depend on the tensor's value.

    Returns:
        The batch, and the axis of its replicas; the axis is None if all replicas share the batch.
    """
    train, axes = group.splits["train"], group.split_axes["train"]
    if drawn.rows is None:
        return train, axes
    rows = _part(drawn.rows, number, step.task.batch_size or step.task.train_size)
    return examples_of(group, rows), 0


def examples_of(group: Group, rows: Tensor) -> Batch:
    """Gather examples of the training set for each replica, by their rows in the table of all examples.

    Args:
        group: the replicas.
        rows: (replicas, k).
    """
    train, axes = group.splits["train"], group.split_axes["train"]
    return Batch(*(_examples(part if axes is None else part.flatten(0, 1), rows) for part in train))


def reserved_examples(group: Group) -> Batch | None:
    """Gather the examples kept for the methods, (replicas, reserved, ...); None if no method reserves any."""
    return examples_of(group, group.reserved.rows + _first_rows(group)) if group.reserved else None


def _examples(table: Tensor, rows: Tensor) -> Tensor:
    """Select rows of a table, in the shape of `rows`, by a flat index; an index with two axes takes twice the time."""
    return table.index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _part(rows: Tensor, number: int | Tensor, size: int) -> Tensor:
    """Return the rows of batch `number`, (replicas, size). A captured graph reads the number from a tensor, ()."""
    if isinstance(number, int):
        return rows[:, number * size : (number + 1) * size]
    return rows.index_select(1, number * size + torch.arange(size, device=rows.device))
