"""What an epoch draws before its first step, and the batches that follow from it."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import random
from grokbench.engine.groups import Group
from grokbench.step import Step
from grokbench.types import Batch

__all__ = ["Draws", "batch_of", "batches", "draw"]


class Draws(NamedTuple):
    """What an epoch draws before its first step."""

    keys: Tensor  # (steps, replicas, methods), see `Step.keys`; no methods where none draws
    rows: Tensor | None  # (replicas, n), of the table of all examples, in the order of batches; None with full batches


def draw(step: Step, group: Group, epoch: int | Tensor) -> Draws:
    """The draws of the pass after `epoch` completed ones."""
    keys = _keys(step, group.keys, epoch)
    if step.task.full_batch:
        return Draws(keys, None)
    n = step.task.train_size
    order = vmap(lambda key: random.permutation(random.fold(key, "batches", epoch), n))(group.keys)
    return Draws(keys, order + _first_rows(group))


def _first_rows(group: Group) -> Tensor | int:
    """Where the data of each replica begin, (replicas, 1): their own lie one after the other, those of all at 0."""
    if group.split_axes["train"] is None:
        return 0
    replicas, n = group.splits["train"].targets.shape[:2]
    return torch.arange(0, replicas * n, n, device=group.keys.device)[:, None]


def _keys(step: Step, replicas: Tensor, epoch: int | Tensor) -> Tensor:
    """The methods' keys of every step of a pass, given those of the replicas."""
    keys = replicas.expand(step.task.steps, -1)
    if step.draws:
        counts = torch.arange(step.task.steps, device=replicas.device)[:, None]
        keys = random.fold(keys, "regularizer", epoch, counts)
    return step.keys(keys)


def batches(step: Step, group: Group, epoch: int | Tensor) -> Iterator[tuple[Batch, int | None]]:
    """The batches of the pass after `epoch` completed ones, with the axis of their replicas."""
    drawn = draw(step, group, epoch)
    for number in range(step.task.steps):
        yield batch_of(step, group, drawn, number)


def batch_of(step: Step, group: Group, drawn: Draws, number: int | Tensor) -> tuple[Batch, int | None]:
    """Batch `number` of a pass with the axis of its replicas; where that is a tensor, not the last, smaller one."""
    train, axes = group.splits["train"], group.split_axes["train"]
    if drawn.rows is None:
        return train, axes
    rows = _part(drawn.rows, number, step.task.batch_size or 0)
    return Batch(*(_examples(part if axes is None else part.flatten(0, 1), rows) for part in train)), 0


def _examples(table: Tensor, rows: Tensor) -> Tensor:
    """Rows of a table, in the shape of their numbers; an index for each replica and row takes twice as long."""
    return table.index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _part(rows: Tensor, number: int | Tensor, size: int) -> Tensor:
    """The rows of a batch, (replicas, size): a recording is told its number by a tensor, (), and waits for none."""
    if isinstance(number, int):
        return rows[:, number * size : (number + 1) * size]
    return rows.index_select(1, number * size + torch.arange(size, device=rows.device))
