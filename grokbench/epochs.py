"""One epoch of a group, and one evaluation: the pure step of a replica mapped over all of them.

Gradients are taken of the sum of the replicas' losses, outside the map, which gives each replica its own gradient and
costs less than a gradient inside. An epoch's number may be an int or a tensor: a recorded epoch is told it by a tensor.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import random
from grokbench.groups import Group, apart
from grokbench.step import Step
from grokbench.types import Batch, Params

__all__ = ["PHASES", "Clock", "Pending", "batches", "evaluate", "look_ahead", "measure", "train_epoch"]

Pending = tuple[Params, Tensor, Tensor]  # gradients, losses and outputs already computed for the next step
Clock = Callable[[str], AbstractContextManager[object]]  # a phase -> what measures it

PHASES = ("batches", "forward", "backward", "transform", "optimizer")  # of a step; penalties are in forward


def no_clock(phase: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    del phase
    return nullcontext()


def _gradients(
    step: Step, group: Group, batch: Batch, axes: int | None, keys: Tensor, epoch: Tensor, clock: Clock = no_clock
) -> tuple[Params, Tensor, Tensor]:
    """Gradients per replica, losses with penalties (replicas,), and outputs (replicas, n, C) before the update."""
    trained = {name: p.detach().requires_grad_() for name, p in step.task.trained(group.params).items()}
    objective = vmap(step.objective, in_dims=(0, 0, axes, 0, None, None))
    with clock("forward"):
        loss, outputs = objective(group.params | trained, group.states, batch, keys, group.steps, epoch)
    with clock("backward"):
        grads = torch.autograd.grad(loss.sum(), list(trained.values()), materialize_grads=True)
    return dict(zip(trained, grads, strict=True)), loss.detach(), outputs.detach()


def _through(step: Step, phase: str, axes: int | None) -> Callable[..., tuple[Params, tuple[Any, ...]]]:
    """A phase of all methods, mapped over replicas; `axes` is the batch's."""
    return vmap(partial(step.through, phase), in_dims=(0, 0, 0, axes, 0, 0, None, None))


@torch.no_grad()
def _update(
    step: Step,
    group: Group,
    grads: Params,
    loss: Tensor,
    outputs: Tensor,
    batch: Batch,
    axes: int | None,
    keys: Tensor,
    epoch: Tensor,
    clock: Clock = no_clock,
) -> Group:
    """Transforms, optimizer and projections."""
    states, seen = group.states, (batch, outputs, keys, group.steps, epoch)
    if step.has("transform"):
        with clock("transform"):
            grads, states = _through(step, "transform", axes)(grads, group.params, states, *seen)
            states = apart(states, group.params)
    with clock("optimizer"):
        updated, optimizer = step.optimizer.update(step.task.trained(group.params), grads, group.optimizer)
        params = group.params | updated
    if step.has("project"):
        with clock("transform"):
            trained = step.task.trained(params)
            projected, states = _through(step, "project", axes)(trained, params, states, *seen)
            params = params | apart(projected, params)
            states = apart(states, params)
    finite = group.finite & loss.isfinite()
    return replace(group, params=params, optimizer=optimizer, states=states, finite=finite, steps=group.steps + 1)


def batches(step: Step, group: Group, epoch: int | Tensor) -> Iterator[tuple[Batch, int | None]]:
    """The batches of the pass after `epoch` completed ones, with the axis of their replicas."""
    train, axes = group.splits["train"], group.split_axes["train"]
    size, n = step.task.batch_size, step.task.train_size
    if step.task.full_batch or size is None:
        yield train, axes
        return
    order = vmap(lambda key: random.permutation(random.fold(key, "batches", epoch), n))(group.keys)
    rows = (torch.arange(len(order), device=order.device)[:, None],) if axes == 0 else ()
    for begin in range(0, n, size):
        index = (*rows, order[:, begin : begin + size])
        yield Batch(train.inputs[index], train.targets[index]), 0


def _step_keys(step: Step, group: Group, epoch: int | Tensor) -> Tensor:
    """A key for every replica and step of an epoch, (steps, replicas)."""
    counts = torch.arange(step.task.steps, device=group.keys.device)[:, None]
    return random.fold(group.keys.expand(step.task.steps, -1), "regularizer", epoch, counts)


def _as_tensor(epoch: int | Tensor, group: Group) -> Tensor:
    """The epoch as plugins get it: they compute schedules from it."""
    return epoch if isinstance(epoch, Tensor) else torch.tensor(epoch, device=group.keys.device)


def train_epoch(
    step: Step, group: Group, epoch: int | Tensor, pending: Pending | None = None, clock: Clock = no_clock
) -> Group:
    """The pass after `epoch` completed ones; `pending` is its first gradient, where an evaluation took it already."""
    with clock("batches"):
        keys, now, waiting = _step_keys(step, group, epoch), _as_tensor(epoch, group), batches(step, group, epoch)
    for index in range(len(keys)):
        with clock("batches"):
            batch, axes = next(waiting)
        grads, loss, outputs = pending or _gradients(step, group, batch, axes, keys[index], now, clock)
        pending = None
        group = _update(step, group, grads, loss, outputs, batch, axes, keys[index], now, clock)
    return group


def look_ahead(step: Step, group: Group, epoch: int) -> tuple[Pending | None, dict[str, Tensor]]:
    """Full batch: the next step's forward pass is also this evaluation's look at the training set."""
    if not step.task.full_batch or step.has("perturb"):
        return None, {}
    ((batch, axes),) = batches(step, group, epoch)
    keys, now = _step_keys(step, group, epoch)[0], _as_tensor(epoch, group)
    pending = _gradients(step, group, batch, axes, keys, now)
    return pending, {"train": pending[2]}


@torch.no_grad()
def measure(
    step: Step, group: Group, labels: Sequence[str], epoch: int | Tensor, known: Mapping[str, Tensor]
) -> Tensor:
    """The metrics of those labels, and last whether all losses were finite, (replicas, labels + 1) float64."""
    one = vmap(partial(step.evaluate, labels), in_dims=(0, group.split_axes, 0, 0, 0))
    keys = random.fold(group.keys, "evaluation", epoch)
    values = one(group.params, group.splits, keys, dict(known), group.initial) if labels else {}
    return torch.stack([*(values[label].double() for label in labels), group.finite.double()], 1)


def evaluate(
    step: Step, group: Group, labels: Sequence[str], epoch: int, known: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """The metrics of those labels, one mapping per replica."""
    rows = measure(step, group, labels, epoch, known).tolist()
    return [dict(zip(labels, row, strict=False)) for row in rows]
