"""One epoch and one evaluation of a group: the pure step of a replica, mapped over all replicas by `vmap`.

The gradient is computed outside the map, of the sum of the replicas' losses. Each replica's loss depends on its own
parameters alone, so this gives each replica's own gradient, and is cheaper than a gradient inside the map. The number
of an epoch is an int, or a tensor where the epoch is captured as a CUDA graph.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import random
from grokbench.engine.batches import Draws, batch_of, draw, reserved_examples
from grokbench.engine.groups import Group, unaliased, unclaimed
from grokbench.engine.mapping import over_replicas
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

Clock = Callable[[str], AbstractContextManager[object]]  # a phase of PHASES -> a context manager that times it

PHASES = ("batches", "forward", "backward", "transform", "optimizer")  # of a step; penalties are in forward


class LookaheadGradients(NamedTuple):
    """The gradients of a step, computed before its update.

    Attributes:
        grads: name -> (replicas, *shape of the parameter).
        losses: (replicas,), penalties included.
        outputs: (replicas, n, C), of the batch.
        keys: (replicas, methods), from which the methods drew.
    """

    grads: Params
    losses: Tensor
    outputs: Tensor
    keys: Tensor


def no_clock(phase: str) -> AbstractContextManager[None]:
    """Return a context manager that times nothing."""
    del phase
    return nullcontext()


def context_axes(batches: int | None, train: int | None = None, reserved: int | None = None) -> Any:
    """Return the axes of the replicas in a `StepContext`, for `vmap`, given those of its examples."""
    return StepContext._make((batches, 0, None, None, train, reserved))


def _gradients(
    step: Step, group: Group, context: StepContext, axes: Any, clock: Clock = no_clock
) -> LookaheadGradients:
    """Compute the forward and backward pass of all replicas."""
    trained = {name: p.detach().requires_grad_() for name, p in step.task.trained(group.params).items()}
    with clock("forward"):
        loss, outputs = over_replicas(step, step.objective, (0, 0, axes))(group.params | trained, group.states, context)
    with clock("backward"):
        grads = torch.autograd.grad(loss.sum(), list(trained.values()), materialize_grads=True)
    return LookaheadGradients(dict(zip(trained, grads, strict=True)), loss.detach(), outputs.detach(), context.keys)


def _through(step: Step, phase: str, axes: Any) -> Callable[..., tuple[Params, tuple[State, ...]]]:
    """Map `Step.through` for a phase over replicas."""
    return over_replicas(step, partial(step.through, phase), (0, 0, 0, 0, axes))


@torch.no_grad()
def _update(
    step: Step, group: Group, taken: LookaheadGradients, context: StepContext, axes: Any, clock: Clock = no_clock
) -> Group:
    """Apply transforms, the optimizer and projections."""
    grads, outputs, states = taken.grads, taken.outputs, group.states
    if step.has("transform"):
        with clock("transform"):
            grads, states = _through(step, "transform", axes)(grads, group.params, states, outputs, context)
            states = unaliased(states, group.params)
    with clock("optimizer"):
        before = _copied(group.params) if step.keeps_params else group.params
        own, states = _own_updates(step, group, grads, states, outputs, context, axes)
        free = unclaimed(step, group.params)
        updated, optimizer = step.optimizer.update(free, {name: grads[name] for name in free}, group.optimizer)
        if step.has("rate"):
            factor = over_replicas(step, step.rate, (0, 0, 0, axes))(before, states, outputs, context)
            updated = _shortened(before, updated, factor)
        params = group.params | updated | own
    if step.has("project"):
        with clock("transform"):
            trained = step.task.trained(params)
            projected, states = _through(step, "project", axes)(trained, before, states, outputs, context)
            params = params | unaliased(projected, params)
            states = unaliased(states, params)
    return replace(group, params=params, optimizer=optimizer, states=states, steps=group.steps + 1)


def _copied(params: Params) -> Params:
    """The parameters on memory of their own, since the optimizer works in place."""
    return {name: p.clone() for name, p in params.items()}


def _own_updates(
    step: Step, group: Group, grads: Params, states: Any, outputs: Tensor, context: StepContext, axes: Any
) -> tuple[Params, Any]:
    """Update the parameters that methods claim, before the optimizer overwrites the others."""
    if not step.has("update"):
        return {}, states
    own, states = over_replicas(step, step.update, (0, 0, 0, 0, axes))(grads, group.params, states, outputs, context)
    return unaliased(own, group.params), unaliased(states, group.params)


def _shortened(before: Params, updated: Params, factor: Tensor) -> Params:
    """Updated parameters, every replica's update multiplied by its factor of the learning rate, (replicas,)."""

    def of(name: str, p: Tensor) -> Tensor:
        weight = factor.to(p.dtype).reshape(-1, *[1] * (p.ndim - 1))
        return torch.lerp(before[name], p, weight)

    return {name: of(name, p) for name, p in updated.items()}


def _as_tensor(epoch: int | Tensor, group: Group) -> Tensor:
    """Return the epoch as a tensor, (), from which plugins compute schedules."""
    return epoch if isinstance(epoch, Tensor) else torch.tensor(epoch, device=group.keys.device)


def _context(step: Step, group: Group, drawn: Draws, number: int | Tensor, epoch: Tensor) -> tuple[StepContext, Any]:
    """Return the context of step `number` of an epoch for every replica, and its axes for `vmap`."""
    batch, axis = batch_of(step, group, drawn, number)
    keys = drawn.keys[number] if isinstance(number, int) else drawn.keys.index_select(0, number[None])[0]
    train = group.splits["train"] if step.needs_train else None
    context = StepContext(batch, keys, group.steps, epoch, train, reserved_examples(group))
    return context, context_axes(axis, group.split_axes["train"] if train else None, 0 if group.reserved else None)


def train_epoch(
    step: Step, group: Group, epoch: int | Tensor, pending: LookaheadGradients | None = None, clock: Clock = no_clock
) -> Group:
    """Train the epoch after `epoch` completed ones.

    Args:
        step: the cell's step.
        group: the replicas; the optimizer overwrites their parameters.
        epoch: completed epochs; a tensor, (), where the epoch is captured as a CUDA graph.
        pending: the gradients of the epoch's only step, if an evaluation has computed them.
        clock: times the phases.

    Returns:
        The group after the epoch.
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
    """Train some steps of the epoch after `epoch` completed ones.

    Args:
        step: the cell's step.
        group: the replicas; the optimizer overwrites their parameters.
        epoch: completed epochs; a tensor, (), where the epoch is captured as a CUDA graph.
        drawn: the draws of the epoch.
        numbers: of the steps, from 0; a tensor, (), must not be the number of a smaller last batch.
        pending: the gradients of the first of these steps, if they are known.
        clock: times the phases.

    Returns:
        The group after these steps.
    """
    completed, losses = _as_tensor(epoch, group), []
    for number in numbers:
        with clock("batches"):
            context, axes = _context(step, group, drawn, number, completed)
        due = _due(step, epoch, number)
        taken, pending = pending or _gradients(due, group, context, axes, clock), None
        group = _update(due, group, taken, context, axes, clock)
        losses.append(taken.losses)
    return replace(group, finite=group.finite & torch.stack(losses).isfinite().all(0))


def _due(step: Step, epoch: int | Tensor, number: int | Tensor) -> Step:
    """The phases due in step `number` of an epoch; a captured epoch has no periodic ones, see `executors`."""
    if isinstance(epoch, Tensor) or isinstance(number, Tensor):
        return step
    return step.due_at(epoch * step.task.steps + number)


def look_ahead(step: Step, group: Group, epoch: int | Tensor) -> tuple[LookaheadGradients | None, dict[str, Tensor]]:
    """Compute the next step's gradients with full batches: their outputs also serve an evaluation on the training set.

    Args:
        step: the cell's step.
        group: the replicas.
        epoch: completed epochs; a tensor, (), where the evaluation is captured as a CUDA graph.

    Returns:
        The gradients, and split -> outputs (replicas, n, C); None and {} with mini-batches or perturbed inputs.
    """
    if not step.full_batch or step.has("perturb") or step.has("hidden"):
        return None, {}
    context, axes = _context(step, group, draw(step, group, epoch), 0, _as_tensor(epoch, group))
    pending = _gradients(_due(step, epoch, 0), group, context, axes)
    return pending, {"train": pending.outputs}


def _weights(
    step: Step, group: Group, labels: Sequence[str], known: Mapping[str, Tensor]
) -> Iterator[tuple[Sequence[str], Params, Mapping[str, Tensor]]]:
    """Labels with the parameters that they are measured at, and the outputs known of those.

    Where a method has averaged weights evaluated, that is at those, but for labels that are to see the raw ones.
    """
    if not step.has("eval_params"):
        averaged, raw = [], labels
    else:
        averaged, raw = [each for each in labels if each not in step.raw], [each for each in labels if each in step.raw]
    if averaged:
        yield averaged, over_replicas(step, step.evaluated)(group.params, group.states), {}
    if raw:
        yield raw, group.params, known


@torch.no_grad()
def measure(
    step: Step, group: Group, labels: Sequence[str], epoch: int | Tensor, known: Mapping[str, Tensor]
) -> Tensor:
    """Measure metrics.

    Args:
        step: the cell's step.
        group: the replicas.
        labels: of the metrics.
        epoch: completed epochs; a tensor, (), where the evaluation is captured as a CUDA graph.
        known: split -> outputs (replicas, n, C) that were computed before.

    Returns:
        A float64 table (replicas, labels + 1): the metrics, and last whether all losses so far were finite.
    """

    def one(labels: Sequence[str], params: Params, splits: Mapping[str, Batch], key: Tensor, *rest: Any) -> Any:
        return step.evaluate(labels, params, splits, partial(random.fold, key, "evaluation", epoch), *rest)

    values: dict[str, Tensor] = {}
    for some, params, outputs in _weights(step, group, labels, known):
        mapped = vmap(partial(one, some), in_dims=(0, group.split_axes, 0, 0, 0))
        values |= mapped(params, group.splits, group.keys, dict(outputs), group.initial)
    return torch.stack([*(values[label].double() for label in labels), group.finite.double()], 1)


def evaluate(
    step: Step, group: Group, labels: Sequence[str], epoch: int, known: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """Measure metrics and copy them to the host; for the arguments see `measure`.

    Returns:
        For each replica, label -> value.
    """
    rows = measure(step, group, labels, epoch, known).tolist()
    return [dict(zip(labels, row, strict=False)) for row in rows]
