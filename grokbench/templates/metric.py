"""Example of a metric, the length of the outputs. Name your source here: authors, title, year, arXiv number."""

from functools import partial

from torch import Tensor

from grokbench import Metric, Probe, hookimpl


def new_name(split: str = "test") -> Metric:
    """The mean Euclidean length of the network's outputs on a split.

        mean_i ||f(x_i)||

    Write your equation with the symbols of the code. The cost is one forward pass, which `accuracy` shares.
    """
    return Metric(measure=partial(measure, split=split), splits=(split,), rotates=True)


def measure(probe: Probe, *, split: str) -> Tensor:
    """Compute the mean length, ()."""
    return probe.outputs(split).double().norm(dim=-1).mean()


# A metric may also use `probe.params`, `probe.batches(split)`, `probe.task` and, with `initial=True`, `probe.initial`.
# `better` and `bounds` describe its values. `grokbench show NAME` describes the shipped metrics.
@hookimpl
def grokbench_metrics():
    yield new_name
