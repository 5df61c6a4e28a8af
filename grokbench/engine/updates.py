"""The update of a step of all replicas, from their gradients: transforms, the optimizer and projections."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from grokbench.engine.clock import Clock, no_clock
from grokbench.engine.gradients import LookaheadGradients
from grokbench.engine.groups import Group, unaliased, unclaimed
from grokbench.engine.mapping import over_replicas
from grokbench.step import Step, StepContext
from grokbench.types import Params, State

__all__ = ["update"]


@torch.no_grad()
def update(
    step: Step, group: Group, taken: LookaheadGradients, context: StepContext, axes: Any, clock: Clock = no_clock
) -> Group:
    """Apply transforms, the optimizer and projections.

    Args:
        step: the cell's step.
        group: the replicas; the optimizer overwrites their parameters.
        taken: the gradients of the step.
        context: the context of the step, for all replicas.
        axes: the axes of the replicas in `context`, for `vmap`.
        clock: times the phases.

    Returns:
        The group after the step, with an unchanged `finite`.
    """
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


def _through(step: Step, phase: str, axes: Any) -> Callable[..., tuple[Params, tuple[State, ...]]]:
    """Map `Step.through` for a phase over replicas."""
    return over_replicas(step, partial(step.through, phase), (0, 0, 0, 0, axes))


def _copied(params: Params) -> Params:
    """Copy the parameters, since the optimizer works in place."""
    return {name: p.clone() for name, p in params.items()}


def _own_updates(
    step: Step, group: Group, grads: Params, states: Any, outputs: Tensor, context: StepContext, axes: Any
) -> tuple[Params, Any]:
    """Update the parameters that methods claim, before the optimizer overwrites the other parameters."""
    if not step.has("update"):
        return {}, states
    own, states = over_replicas(step, step.update, (0, 0, 0, 0, axes))(grads, group.params, states, outputs, context)
    return unaliased(own, group.params), unaliased(states, group.params)


def _shortened(before: Params, updated: Params, factor: Tensor) -> Params:
    """Multiply the update of every replica by its factor of the learning rate, (replicas,)."""

    def of(name: str, p: Tensor) -> Tensor:
        weight = factor.to(p.dtype).reshape(-1, *[1] * (p.ndim - 1))
        return torch.lerp(before[name], p, weight)

    return {name: of(name, p) for name, p in updated.items()}
