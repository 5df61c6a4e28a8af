"""One epoch of a group, and one evaluation: the pure step of a replica mapped over all of them.

Gradients are taken of the sum of the replicas' losses, outside the map, which gives each replica its own gradient and
costs less than a gradient inside. An epoch's number may be an int or a tensor: a recorded epoch is told it by a tensor.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import random
from grokbench.engine.draws import Draws, batch_of, draw
from grokbench.engine.groups import Group, apart
from grokbench.step import Step
from grokbench.types import Batch, Params

__all__ = [
    "PHASES",
    "Clock",
    "Pending",
    "evaluate",
    "look_ahead",
    "measure",
    "train_epoch",
    "train_steps",
]

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


def _as_tensor(epoch: int | Tensor, group: Group) -> Tensor:
    """The epoch as plugins get it: they compute schedules from it."""
    return epoch if isinstance(epoch, Tensor) else torch.tensor(epoch, device=group.keys.device)


def train_epoch(
    step: Step, group: Group, epoch: int | Tensor, pending: Pending | None = None, clock: Clock = no_clock
) -> Group:
    """The pass after `epoch` completed ones; `pending` is its first gradient, where an evaluation took it already."""
    with clock("batches"):
        drawn = draw(step, group, epoch)
    return train_steps(step, group, epoch, drawn, range(step.task.steps), pending, clock)


def train_steps(
    step: Step,
    group: Group,
    epoch: int | Tensor,
    drawn: Draws,
    numbers: Iterable[int | Tensor],
    pending: Pending | None = None,
    clock: Clock = no_clock,
) -> Group:
    """Some steps of a pass, by their numbers; a number that is a tensor, (), is not of the last, smaller batch."""
    now = _as_tensor(epoch, group)
    for number in numbers:
        with clock("batches"):
            batch, axes = batch_of(step, group, drawn, number)
            keys = drawn.keys[number] if isinstance(number, int) else drawn.keys.index_select(0, number[None])[0]
        grads, loss, outputs = pending or _gradients(step, group, batch, axes, keys, now, clock)
        pending = None
        group = _update(step, group, grads, loss, outputs, batch, axes, keys, now, clock)
    return group


def look_ahead(step: Step, group: Group, epoch: int | Tensor) -> tuple[Pending | None, dict[str, Tensor]]:
    """Full batch: the next step's forward pass is also this evaluation's look at the training set."""
    if not step.task.full_batch or step.has("perturb"):
        return None, {}
    drawn = draw(step, group, epoch)
    batch, axes = batch_of(step, group, drawn, 0)
    pending = _gradients(step, group, batch, axes, drawn.keys[0], _as_tensor(epoch, group))
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
