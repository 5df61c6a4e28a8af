"""One epoch and one evaluation of a group: the pure step of a replica, mapped over all replicas.

The gradient is taken outside the map, of the sum of the replicas' losses: that is each replica's own gradient, and
cheaper than a gradient inside the map. An epoch's number is an int, or a tensor where the epoch is captured.
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
from grokbench.engine.batches import Draws, batch_of, draw
from grokbench.engine.groups import Group, apart
from grokbench.step import Step, StepContext
from grokbench.types import Batch, Params, State

__all__ = [
    "PHASES",
    "Clock",
    "LookaheadGradients",
    "evaluate",
    "context_axes",
    "look_ahead",
    "measure",
    "train_epoch",
    "train_steps",
]

Clock = Callable[[str], AbstractContextManager[object]]  # a phase of PHASES -> a context that measures it

PHASES = ("batches", "forward", "backward", "transform", "optimizer")  # of a step; penalties are in forward


class LookaheadGradients(NamedTuple):
    """The gradients of a step, computed before anything is updated.

    Attributes:
        grads: of each replica, on a leading axis.
        losses: (replicas,), penalties included.
        outputs: (replicas, n, C), of the batch.
        keys: (replicas, methods), that the methods drew from.
    """

    grads: Params
    losses: Tensor
    outputs: Tensor
    keys: Tensor


def no_clock(phase: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    del phase
    return nullcontext()


def context_axes(batches: int | None) -> Any:
    """The axes of the replicas in a `StepContext`, for `vmap`, given the axis of its batches."""
    return StepContext._make((batches, 0, None, None))


def _gradients(
    step: Step, group: Group, context: StepContext, axes: Any, clock: Clock = no_clock
) -> LookaheadGradients:
    """Compute the forward and backward pass of all replicas."""
    trained = {name: p.detach().requires_grad_() for name, p in step.task.trained(group.params).items()}
    with clock("forward"):
        loss, outputs = vmap(step.objective, in_dims=(0, 0, axes))(group.params | trained, group.states, context)
    with clock("backward"):
        grads = torch.autograd.grad(loss.sum(), list(trained.values()), materialize_grads=True)
    return LookaheadGradients(dict(zip(trained, grads, strict=True)), loss.detach(), outputs.detach(), context.keys)


def _through(step: Step, phase: str, axes: Any) -> Callable[..., tuple[Params, tuple[State, ...]]]:
    """`Step.through` for a phase, mapped over replicas."""
    return vmap(partial(step.through, phase), in_dims=(0, 0, 0, 0, axes))


@torch.no_grad()
def _update(
    step: Step, group: Group, taken: LookaheadGradients, context: StepContext, axes: Any, clock: Clock = no_clock
) -> Group:
    """Apply transforms, the optimizer and projections."""
    grads, outputs, states = taken.grads, taken.outputs, group.states
    if step.has("transform"):
        with clock("transform"):
            grads, states = _through(step, "transform", axes)(grads, group.params, states, outputs, context)
            states = apart(states, group.params)
    with clock("optimizer"):
        updated, optimizer = step.optimizer.update(step.task.trained(group.params), grads, group.optimizer)
        params = group.params | updated
    if step.has("project"):
        with clock("transform"):
            trained = step.task.trained(params)
            projected, states = _through(step, "project", axes)(trained, params, states, outputs, context)
            params = params | apart(projected, params)
            states = apart(states, params)
    return replace(group, params=params, optimizer=optimizer, states=states, steps=group.steps + 1)


def _as_tensor(epoch: int | Tensor, group: Group) -> Tensor:
    """The epoch as a tensor, (), from which plugins compute schedules."""
    return epoch if isinstance(epoch, Tensor) else torch.tensor(epoch, device=group.keys.device)


def _context(step: Step, group: Group, drawn: Draws, number: int | Tensor, epoch: Tensor) -> tuple[StepContext, Any]:
    """The context of step `number` of an epoch for every replica, and its axes."""
    batch, axis = batch_of(step, group, drawn, number)
    keys = drawn.keys[number] if isinstance(number, int) else drawn.keys.index_select(0, number[None])[0]
    return StepContext(batch, keys, group.steps, epoch), context_axes(axis)


def train_epoch(
    step: Step, group: Group, epoch: int | Tensor, pending: LookaheadGradients | None = None, clock: Clock = no_clock
) -> Group:
    """Train the epoch after `epoch` completed ones.

    Args:
        step: the cell's step.
        group: the replicas; the optimizer overwrites their parameters.
        epoch: completed epochs; a tensor, (), where the epoch is captured.
        pending: the gradients of the epoch's only step, if an evaluation computed them already.
        clock: measures the phases.
    """
    with clock("batches"):
        drawn = Draws(pending.keys[None], None) if pending else draw(step, group, epoch)
    return train_steps(step, group, epoch, drawn, range(step.task.steps), pending, clock)


def train_steps(
    step: Step,
    group: Group,
    epoch: int | Tensor,
    drawn: Draws,
    numbers: Iterable[int | Tensor],
    pending: LookaheadGradients | None = None,
    clock: Clock = no_clock,
) -> Group:
    """Take the steps of an epoch whose `numbers` are given; a tensor, (), must not be the smaller last batch.

    `drawn` are the draws of the epoch; for the rest see `train_epoch`.
    """
    completed, losses = _as_tensor(epoch, group), []
    for number in numbers:
        with clock("batches"):
            context, axes = _context(step, group, drawn, number, completed)
        taken, pending = pending or _gradients(step, group, context, axes, clock), None
        group = _update(step, group, taken, context, axes, clock)
        losses.append(taken.losses)
    return replace(group, finite=group.finite & torch.stack(losses).isfinite().all(0))


def look_ahead(step: Step, group: Group, epoch: int | Tensor) -> tuple[LookaheadGradients | None, dict[str, Tensor]]:
    """With full batches, compute the next step's gradients: an evaluation can use their outputs on the training set.

    Returns:
        The gradients, and the outputs by split; None and {} with mini-batches or perturbed inputs.
    """
    if not step.task.full_batch or step.has("perturb"):
        return None, {}
    context, axes = _context(step, group, draw(step, group, epoch), 0, _as_tensor(epoch, group))
    pending = _gradients(step, group, context, axes)
    return pending, {"train": pending.outputs}


@torch.no_grad()
def measure(
    step: Step, group: Group, labels: Sequence[str], epoch: int | Tensor, known: Mapping[str, Tensor]
) -> Tensor:
    """Measure metrics.

    Args:
        step: the cell's step.
        group: the replicas.
        labels: of the metrics.
        epoch: completed epochs.
        known: split -> outputs (replicas, n, C) computed already.

    Returns:
        A float64 table (replicas, labels + 1): the metrics, and last whether all losses so far were finite.
    """

    def one(params: Params, splits: Mapping[str, Batch], key: Tensor, *rest: Any) -> dict[str, Tensor]:
        return step.evaluate(labels, params, splits, partial(random.fold, key, "evaluation", epoch), *rest)

    mapped = vmap(one, in_dims=(0, group.split_axes, 0, 0, 0))
    values = mapped(group.params, group.splits, group.keys, dict(known), group.initial) if labels else {}
    return torch.stack([*(values[label].double() for label in labels), group.finite.double()], 1)


def evaluate(
    step: Step, group: Group, labels: Sequence[str], epoch: int, known: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """`measure` read back to the host, a mapping from label to value for each replica."""
    rows = measure(step, group, labels, epoch, known).tolist()
    return [dict(zip(labels, row, strict=False)) for row in rows]
