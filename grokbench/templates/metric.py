"""The length of the outputs as an example: put the source of your metric here (authors, title, year, arXiv number)."""

from functools import partial

from torch import Tensor

from grokbench import Metric, Probe, hookimpl


def new_name(split: str = "test") -> Metric:
    """The mean Euclidean length of the network's outputs on a split.

        mean_i ||f(x_i)||

    Write your equation in the symbols of the code. Cost: one forward pass, shared with `accuracy`.
    """
    return Metric(measure=partial(measure, split=split), splits=(split,), rotates=True)


def measure(probe: Probe, *, split: str) -> Tensor:
    """The mean length, ()."""
    return probe.outputs(split).double().norm(dim=-1).mean()


# A metric may also look at `probe.params`, `probe.batches(split)`, `probe.task` and, if it is `initial`, at
# `probe.initial`; `better` and `bounds` say how its values are read. `grokbench show NAME` describes the shipped ones.
@hookimpl
def grokbench_metrics():
    yield new_name
