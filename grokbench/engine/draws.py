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
    order: Tensor | None  # (replicas, n), the examples in the order of their batches; None with full batches


def draw(step: Step, group: Group, epoch: int | Tensor) -> Draws:
    """The draws of the pass after `epoch` completed ones."""
    keys = _keys(step, group.keys, epoch)
    if step.task.full_batch:
        return Draws(keys, None)
    n = step.task.train_size
    return Draws(keys, vmap(lambda key: random.permutation(random.fold(key, "batches", epoch), n))(group.keys))


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
    if drawn.order is None:
        return train, axes
    chosen = _part(drawn.order, number, step.task.batch_size or 0)
    return Batch(_examples(train.inputs, chosen, axes), _examples(train.targets, chosen, axes)), 0


def _examples(of: Tensor, chosen: Tensor, axes: int | None) -> Tensor:
    """Of each replica's own data, (replicas, n, ...), or of all replicas', (n, ...), the rows chosen for each.

    As rows of one table: an index for each replica and row together takes twice as long on a CPU.
    """
    if axes == 0:
        first = torch.arange(0, of.shape[0] * of.shape[1], of.shape[1], device=of.device)
        of, chosen = of.flatten(0, 1), chosen + first[:, None]
    return of.index_select(0, chosen.flatten()).unflatten(0, chosen.shape)


def _part(order: Tensor, number: int | Tensor, size: int) -> Tensor:
    """The examples of a batch, (replicas, size): a recording is told its number by a tensor, (), and waits for none."""
    if isinstance(number, int):
        return order[:, number * size : (number + 1) * size]
    return order.index_select(1, number * size + torch.arange(size, device=order.device))
