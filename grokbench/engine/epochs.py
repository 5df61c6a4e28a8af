"""One epoch of a group, and one evaluation: the pure step of a replica mapped over all of them.

Gradients are taken of the sum of the replicas' losses, outside the map, which gives each replica its own gradient and
costs less than a gradient inside. An epoch's number may be an int or a tensor: a recorded epoch is told it by a tensor.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import random
from grokbench.engine.draws import Draws, batch_of, draw
from grokbench.engine.groups import Group, apart
from grokbench.step import Instant, Step
from grokbench.types import Batch, Params, State

__all__ = [
    "PHASES",
    "Clock",
    "Pending",
    "evaluate",
    "instant_axes",
    "look_ahead",
    "measure",
    "train_epoch",
    "train_steps",
]

Clock = Callable[[str], AbstractContextManager[object]]  # a phase -> what measures it

PHASES = ("batches", "forward", "backward", "transform", "optimizer")  # of a step; penalties are in forward


class Pending(NamedTuple):
    """What a step takes of its batch, before anything is updated."""

    grads: Params  # of each replica
    losses: Tensor  # (replicas,), penalties included
    outputs: Tensor  # (replicas, n, C)
    keys: Tensor  # (replicas, methods), that were drawn from


def no_clock(phase: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    del phase
    return nullcontext()


def instant_axes(batches: int | None) -> Any:
    """Along which axes the replicas of a group lie in an `Instant`, given that of its batches; for `vmap`."""
    return Instant._make((batches, 0, None, None))


def _gradients(step: Step, group: Group, now: Instant, axes: Any, clock: Clock = no_clock) -> Pending:
    """Forward and backward pass of all replicas."""
    trained = {name: p.detach().requires_grad_() for name, p in step.task.trained(group.params).items()}
    with clock("forward"):
        loss, outputs = vmap(step.objective, in_dims=(0, 0, axes))(group.params | trained, group.states, now)
    with clock("backward"):
        grads = torch.autograd.grad(loss.sum(), list(trained.values()), materialize_grads=True)
    return Pending(dict(zip(trained, grads, strict=True)), loss.detach(), outputs.detach(), now.keys)


def _through(step: Step, phase: str, axes: Any) -> Callable[..., tuple[Params, tuple[State, ...]]]:
    """A phase of all methods, mapped over replicas."""
    return vmap(partial(step.through, phase), in_dims=(0, 0, 0, 0, axes))


@torch.no_grad()
def _update(step: Step, group: Group, taken: Pending, now: Instant, axes: Any, clock: Clock = no_clock) -> Group:
    """Transforms, optimizer and projections."""
    grads, outputs, states = taken.grads, taken.outputs, group.states
    if step.has("transform"):
        with clock("transform"):
            grads, states = _through(step, "transform", axes)(grads, group.params, states, outputs, now)
            states = apart(states, group.params)
    with clock("optimizer"):
        updated, optimizer = step.optimizer.update(step.task.trained(group.params), grads, group.optimizer)
        params = group.params | updated
    if step.has("project"):
        with clock("transform"):
            trained = step.task.trained(params)
            projected, states = _through(step, "project", axes)(trained, params, states, outputs, now)
            params = params | apart(projected, params)
            states = apart(states, params)
    return replace(group, params=params, optimizer=optimizer, states=states, steps=group.steps + 1)


def _as_tensor(epoch: int | Tensor, group: Group) -> Tensor:
    """The epoch as plugins get it: they compute schedules from it."""
    return epoch if isinstance(epoch, Tensor) else torch.tensor(epoch, device=group.keys.device)


def _instant(step: Step, group: Group, drawn: Draws, number: int | Tensor, epoch: Tensor) -> tuple[Instant, Any]:
    """Step `number` of a pass for every replica, with its axes."""
    batch, axis = batch_of(step, group, drawn, number)
    keys = drawn.keys[number] if isinstance(number, int) else drawn.keys.index_select(0, number[None])[0]
    return Instant(batch, keys, group.steps, epoch), instant_axes(axis)


def train_epoch(
    step: Step, group: Group, epoch: int | Tensor, pending: Pending | None = None, clock: Clock = no_clock
) -> Group:
    """The pass after `epoch` completed ones; `pending` is its only gradient, where an evaluation took it already."""
    with clock("batches"):
        drawn = Draws(pending.keys[None], None) if pending else draw(step, group, epoch)
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
    completed, losses = _as_tensor(epoch, group), []
    for number in numbers:
        with clock("batches"):
            now, axes = _instant(step, group, drawn, number, completed)
        taken, pending = pending or _gradients(step, group, now, axes, clock), None
        group = _update(step, group, taken, now, axes, clock)
        losses.append(taken.losses)
    return replace(group, finite=group.finite & torch.stack(losses).isfinite().all(0))


def look_ahead(step: Step, group: Group, epoch: int | Tensor) -> tuple[Pending | None, dict[str, Tensor]]:
    """Full batch: the next step's forward pass is also this evaluation's look at the training set."""
    if not step.task.full_batch or step.has("perturb"):
        return None, {}
    now, axes = _instant(step, group, draw(step, group, epoch), 0, _as_tensor(epoch, group))
    pending = _gradients(step, group, now, axes)
    return pending, {"train": pending.outputs}


@torch.no_grad()
def measure(
    step: Step, group: Group, labels: Sequence[str], epoch: int | Tensor, known: Mapping[str, Tensor]
) -> Tensor:
    """The metrics of those labels, and last whether all losses were finite, (replicas, labels + 1) float64."""

    def one(params: Params, splits: Mapping[str, Batch], key: Tensor, *rest: Any) -> dict[str, Tensor]:
        return step.evaluate(labels, params, splits, partial(random.fold, key, "evaluation", epoch), *rest)

    mapped = vmap(one, in_dims=(0, group.split_axes, 0, 0, 0))
    values = mapped(group.params, group.splits, group.keys, dict(known), group.initial) if labels else {}
    return torch.stack([*(values[label].double() for label in labels), group.finite.double()], 1)


def evaluate(
    step: Step, group: Group, labels: Sequence[str], epoch: int, known: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """The metrics of those labels, one mapping per replica."""
    rows = measure(step, group, labels, epoch, known).tolist()
    return [dict(zip(labels, row, strict=False)) for row in rows]
