"""The gradients of a step of a group: the objective of one replica is mapped over all replicas by `vmap`.

The gradient of the sum of the replicas' losses is taken outside the map. Each replica's loss depends on its own
parameters alone, so the result is each replica's own gradient. This is cheaper than a gradient inside the map.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from grokbench.engine.batches import Draws, batch_of, draw, reserved_examples
from grokbench.engine.clock import Clock, no_clock
from grokbench.engine.groups import Group
from grokbench.engine.mapping import over_replicas
from grokbench.step import Step, StepContext
from grokbench.types import Params

__all__ = [
    "LookaheadGradients",
    "as_tensor",
    "context_axes",
    "context_of",
    "due_step",
    "gradients",
    "look_ahead",
    "looks_ahead",
]


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


def context_axes(batches: int | None, train: int | None = None, reserved: int | None = None) -> Any:
    """Return the axes of the replicas in a `StepContext`, for `vmap`.

    Args:
        batches: the axis of the replicas in the batch: 0, or None if all replicas share the batch.
        train: the axis of the replicas in the training set.
        reserved: the axis of the replicas in the reserved examples.
    """
    return StepContext._make((batches, 0, None, None, train, reserved))


def as_tensor(epoch: int | Tensor, group: Group) -> Tensor:
    """Return the epoch as a tensor, (), from which plugins compute schedules.

    Args:
        epoch: completed epochs; a tensor is returned unchanged.
        group: the replicas; the tensor is made on their device.
    """
    return epoch if isinstance(epoch, Tensor) else torch.tensor(epoch, device=group.keys.device)


def context_of(step: Step, group: Group, drawn: Draws, number: int | Tensor, epoch: Tensor) -> tuple[StepContext, Any]:
    """Make the context of a step for all replicas.

    Args:
        step: the cell's step.
        group: the replicas.
        drawn: the draws of the epoch.
        number: the number of the step in the epoch, from 0; a tensor, (), if a part of an epoch is captured.
        epoch: (), completed epochs.

    Returns:
        The context, and the axes of the replicas in it, for `vmap`.
    """
    batch, axis = batch_of(step, group, drawn, number)
    keys = drawn.keys[number] if isinstance(number, int) else drawn.keys.index_select(0, number[None])[0]
    train = group.splits["train"] if step.needs_train else None
    context = StepContext(batch, keys, group.steps, epoch, train, reserved_examples(group))
    return context, context_axes(axis, group.split_axes["train"] if train else None, 0 if group.reserved else None)


def due_step(step: Step, epoch: int | Tensor, number: int | Tensor) -> Step:
    """Select the phases that are due in a step. A captured epoch has no periodic phases, see `make_executor`.

    Args:
        step: the cell's step.
        epoch: completed epochs.
        number: the number of the step in the epoch, from 0.
    """
    if isinstance(epoch, Tensor) or isinstance(number, Tensor):
        return step
    return step.due_at(epoch * step.task.steps + number)


def gradients(step: Step, group: Group, context: StepContext, axes: Any, clock: Clock = no_clock) -> LookaheadGradients:
    """Compute the forward and the backward pass of all replicas.

    Args:
        step: the cell's step.
        group: the replicas.
        context: the context of the step, for all replicas.
        axes: the axes of the replicas in `context`, for `vmap`.
        clock: times the phases.
    """
    trained = {name: p.detach().requires_grad_() for name, p in step.task.trained(group.params).items()}
    with clock("forward"):
        loss, outputs = over_replicas(step, step.objective, (0, 0, axes))(group.params | trained, group.states, context)
    with clock("backward"):
        grads = torch.autograd.grad(loss.sum(), list(trained.values()), materialize_grads=True)
    return LookaheadGradients(dict(zip(trained, grads, strict=True)), loss.detach(), outputs.detach(), context.keys)


def looks_ahead(step: Step) -> bool:
    """Return whether an evaluation can compute the next step's gradients: with full batches and unperturbed inputs."""
    return step.full_batch and not step.has("perturb") and not step.has("hidden")


def look_ahead(step: Step, group: Group, epoch: int | Tensor) -> tuple[LookaheadGradients | None, dict[str, Tensor]]:
    """Compute the next step's gradients with full batches; an evaluation on the training set uses their outputs too.

    Args:
        step: the cell's step.
        group: the replicas.
        epoch: completed epochs; a tensor, (), if the evaluation is captured as a CUDA graph.

    Returns:
        The gradients, and split -> outputs (replicas, n, C); None and {} with mini-batches or perturbed inputs.
    """
    if not looks_ahead(step):
        return None, {}
    context, axes = context_of(step, group, draw(step, group, epoch), 0, as_tensor(epoch, group))
    pending = gradients(due_step(step, epoch, 0), group, context, axes)
    return pending, {"train": pending.outputs}
