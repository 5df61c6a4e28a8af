"""The evaluation of a group: the metrics of one replica, mapped over all replicas."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import random
from grokbench.engine.groups import Group
from grokbench.engine.mapping import over_replicas
from grokbench.records.activity import ACTIVITY
from grokbench.step import Step
from grokbench.types import Batch, Params

__all__ = ["evaluate", "measure"]


def _weights(
    step: Step, group: Group, labels: Sequence[str], known: Mapping[str, Tensor]
) -> Iterator[tuple[Sequence[str], Params, Mapping[str, Tensor]]]:
    """Yield the sets of parameters to measure at, each with its labels and the outputs that are already known.

    If a method keeps averaged weights, metrics are measured at the averages, except for the labels in `Step.raw`.
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
        labels: the labels of the metrics.
        epoch: completed epochs; a tensor, (), if the evaluation is captured as a CUDA graph.
        known: split -> outputs (replicas, n, C) that were computed before.

    Returns:
        A float64 table (replicas, labels + 1): the metrics, and last whether all losses so far were finite.
    """

    def one(labels: Sequence[str], params: Params, splits: Mapping[str, Batch], key: Tensor, *rest: Any) -> Any:
        return step.evaluate(labels, params, splits, partial(random.fold, key, "evaluation", epoch), *rest)

    values: dict[str, Tensor] = {}
    for some, params, outputs in _weights(step, group, labels, known):
        ACTIVITY.steps += 1
        mapped = vmap(partial(one, some), in_dims=(0, group.split_axes, 0, 0, 0))
        values |= mapped(params, group.splits, group.keys, dict(outputs), group.initial)
    return torch.stack([*(values[label].double() for label in labels), group.finite.double()], 1)


def evaluate(
    step: Step, group: Group, labels: Sequence[str], epoch: int, known: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """Measure metrics and copy them to the host.

    Args:
        step: the cell's step.
        group: the replicas.
        labels: the labels of the metrics.
        epoch: completed epochs.
        known: split -> outputs (replicas, n, C) that were computed before.

    Returns:
        For each replica, label -> value.
    """
    rows = measure(step, group, labels, epoch, known).tolist()
    return [dict(zip(labels, row, strict=False)) for row in rows]
