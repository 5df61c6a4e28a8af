"""Loss and accuracy on any split, and the norm of the weights, as most studies of grokking plot them."""

from functools import partial

import torch
from torch import Tensor

from grokbench import Metric, Probe, hookimpl


def loss(split: str = "test") -> Metric:
    """The task's loss on a split, without penalties. Cost: one forward pass, shared with `accuracy`."""
    return Metric(measure=partial(measure_loss, split=split), better="lower", splits=(split,), rotates=True)


def measure_loss(probe: Probe, *, split: str) -> Tensor:
    """The loss, ()."""
    return probe.task.loss(probe.outputs(split), probe.splits[split].targets)


def accuracy(split: str = "test") -> Metric:
    """The share of a split that is classified correctly, from 0 to 1. Cost: one forward pass, shared with `loss`."""
    measure = partial(measure_accuracy, split=split)
    return Metric(measure=measure, better="higher", splits=(split,), bounds=(0.0, 1.0), rotates=True)


def measure_accuracy(probe: Probe, *, split: str) -> Tensor:
    """The accuracy, ()."""
    outputs = probe.outputs(split)
    correct = probe.task.correct(outputs, probe.splits[split].targets)
    return correct.double().mean()  # float64, because in float32 8,000 of 10,000 would meet "> 0.8"


def weight_norm() -> Metric:
    """The Euclidean norm of all parameters, biases included. Cost: one pass over the parameters."""
    return Metric(measure=measure_weight_norm, rotates=True)


def measure_weight_norm(probe: Probe) -> Tensor:
    """The norm, ()."""
    return torch.stack([p.square().sum() for p in probe.params.values()]).sum().sqrt()


@hookimpl
def grokbench_metrics():
    yield loss
    yield accuracy
    yield weight_norm
