"""One epoch of a group.

The number of an epoch is an int, or a tensor if the epoch is captured as a CUDA graph.
"""

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from grokbench.engine.batches import Draws, draw
from grokbench.engine.clock import Clock, no_clock
from grokbench.engine.gradients import LookaheadGradients, as_tensor, context_of, due_step, gradients
from grokbench.engine.groups import Group
from grokbench.engine.updates import update
from grokbench.records.activity import ACTIVITY
from grokbench.step import Step

__all__ = ["train_epoch", "train_steps"]


def train_epoch(
    step: Step, group: Group, epoch: int | Tensor, pending: LookaheadGradients | None = None, clock: Clock = no_clock
) -> Group:
    """Train the epoch after `epoch` completed ones.

    Args:
        step: the cell's step.
        group: the replicas; the optimizer overwrites their parameters.
        epoch: completed epochs; a tensor, (), if the epoch is captured as a CUDA graph.
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
        epoch: completed epochs; a tensor, (), if the epoch is captured as a CUDA graph.
        drawn: the draws of the epoch.
        numbers: the numbers of the steps, from 0. A number may be a tensor, (), except for a smaller last batch.
        pending: the gradients of the first of these steps, if they are known.
        clock: times the phases.

    Returns:
        The group after these steps.
    """
    completed, losses = as_tensor(epoch, group), []
    for number in numbers:
        ACTIVITY.steps += 1
        with clock("batches"):
            context, axes = context_of(step, group, drawn, number, completed)
        due = due_step(step, epoch, number)
        taken, pending = pending or gradients(due, group, context, axes, clock), None
        group = update(due, group, taken, context, axes, clock)
        losses.append(taken.losses)
    return replace(group, finite=group.finite & torch.stack(losses).isfinite().all(0))
