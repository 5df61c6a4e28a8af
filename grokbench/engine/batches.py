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

__all__ = ["Draws", "batch_of", "draw", "epoch_batches"]


class Draws(NamedTuple):
    """The random draws of an epoch."""

    keys: Tensor  # (steps, replicas, methods), see `Step.keys`; no methods where none draws
    rows: Tensor | None  # (replicas, n), of the table of all examples, in the order of batches; None with full batches


def draw(step: Step, group: Group, epoch: int | Tensor) -> Draws:
    """Draw the keys and the batch order of the epoch that follows `epoch` completed ones."""
    keys = _keys(step, group.keys, epoch)
    if step.task.full_batch:
        return Draws(keys, None)
    n = step.task.train_size
    order = vmap(lambda key: random.permutation(random.fold(key, "batches", epoch), n))(group.keys)
    return Draws(keys, order + _first_rows(group))


def _first_rows(group: Group) -> Tensor | int:
    """The row at which each replica's data begin in the table of all examples, (replicas, 1); 0 for shared data."""
    if group.split_axes["train"] is None:
        return 0
    replicas, n = group.splits["train"].targets.shape[:2]
    return torch.arange(0, replicas * n, n, device=group.keys.device)[:, None]


def _keys(step: Step, replicas: Tensor, epoch: int | Tensor) -> Tensor:
    """The methods' keys of every step of an epoch, (steps, replicas, methods), from those of the replicas."""
    keys = replicas.expand(step.task.steps, -1)
    if step.draws:
        counts = torch.arange(step.task.steps, device=replicas.device)[:, None]
        keys = random.fold(keys, "regularizer", epoch, counts)
    return step.keys(keys)


def epoch_batches(step: Step, group: Group, epoch: int | Tensor) -> Iterator[tuple[Batch, int | None]]:
    """Yield the batches of the epoch after `epoch` completed ones, each with the axis of its replicas."""
    drawn = draw(step, group, epoch)
    for number in range(step.task.steps):
        yield batch_of(step, group, drawn, number)


def batch_of(step: Step, group: Group, drawn: Draws, number: int | Tensor) -> tuple[Batch, int | None]:
    """Batch `number` of an epoch, and the axis of its replicas; if `number` is a tensor, not the smaller last one."""
    train, axes = group.splits["train"], group.split_axes["train"]
    if drawn.rows is None:
        return train, axes
    rows = _part(drawn.rows, number, step.task.batch_size or 0)
    return Batch(*(_examples(part if axes is None else part.flatten(0, 1), rows) for part in train)), 0


def _examples(table: Tensor, rows: Tensor) -> Tensor:
    """Rows of a table, in the shape of `rows`; one flat index takes half the time of one for each replica and row."""
    return table.index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _part(rows: Tensor, number: int | Tensor, size: int) -> Tensor:
    """The rows of batch `number`, (replicas, size); a captured graph gets the number as a tensor, ()."""
    if isinstance(number, int):
        return rows[:, number * size : (number + 1) * size]
    return rows.index_select(1, number * size + torch.arange(size, device=rows.device))
