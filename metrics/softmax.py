"""Softmax collapse, a rounding that stops training: Prieto et al., ICLR 2025, arXiv:2501.04697.

"Grokking at the edge of numerical stability". In floating point, sum_c exp(z_c - max z) is exactly 1 once the largest
logit leads by enough (17 in float32, 37 in float64). The loss of a correct example is then exactly 0, and so is the
gradient of its target's logit. The gradients exp(z_c - max z) of the other logits remain, so the gradients no longer
sum to zero.
"""

from functools import partial

from torch import Tensor
from torch.func import vmap

from grokbench import Metric, Probe, hookimpl

from . import _classes


def softmax_collapse(split: str = "train") -> Metric:
    """The share of a split's examples for which sum_c exp(z_c - max z) == 1 in the precision of the run, from 0 to 1.

    z are the outputs, whatever the task's loss; a scalar output f is the logit of two classes, (0, f). Cost: one
    forward pass, shared with `accuracy`.
    """
    measure = partial(measure_collapse, split=split)
    return Metric(measure=measure, better="lower", splits=(split,), bounds=(0.0, 1.0), rotates=True)


def measure_collapse(probe: Probe, *, split: str) -> Tensor:
    """The share of the examples with sum_c exp(z_c - max z) = 1, ()."""
    z = _classes.logits(probe.outputs(split))
    total = (z - z.amax(-1, keepdim=True)).exp().sum(-1)
    return (total == 1.0).double().mean()


def zero_loss(split: str = "train") -> Metric:
    """The share of a split's examples whose own loss is exactly 0 in the precision of the run, from 0 to 1.

    The task's loss is computed for one example at a time. Cost: one forward pass, shared with `accuracy`.
    """
    measure = partial(measure_zero_loss, split=split)
    return Metric(measure=measure, splits=(split,), bounds=(0.0, 1.0), rotates=True)


def measure_zero_loss(probe: Probe, *, split: str) -> Tensor:
    """The share of the examples whose own loss is 0, ()."""

    def own(output: Tensor, target: Tensor) -> Tensor:
        return probe.task.loss(output[None], target[None])

    losses = vmap(own)(probe.outputs(split), probe.splits[split].targets)
    return (losses == 0.0).double().mean()


@hookimpl
def grokbench_metrics():
    yield softmax_collapse
    yield zero_loss
