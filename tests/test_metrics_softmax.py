"""The shares of collapsed softmaxes and of zero losses, example by example, in the precision of the run."""

import math

import numpy
import pytest
import torch

from grokbench.metrics.softmax import softmax_collapse, zero_loss
from grokbench.tasks import _losses

from .helpers.metric_probes import dead, made, normal, probe_of, trained_probe
from .helpers.small_cells import TASKS

pytestmark = pytest.mark.usefixtures("tiny_data")


def network(outputs, targets, **facts):
    """A network with these outputs."""
    return made(lambda params, x: x, outputs, targets, **facts)


def value(metric, probe):
    found = metric.measure(probe)
    assert found.shape == ()
    return float(found)


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 17.4), (torch.float64, 37.4)])
def test_a_softmax_collapses_where_the_others_are_lost_in_rounding(dtype, least):
    leads = torch.tensor([0.0, 5.0, least - 1.5, least, 2.0 * least], dtype=dtype)
    outputs = torch.stack([leads, torch.zeros_like(leads), torch.full_like(leads, -500.0)], 1)
    right = network(outputs, torch.zeros(5, dtype=torch.int64))
    assert value(softmax_collapse(), right) == value(zero_loss(), right) == 2 / 5
    wrong = network(outputs, torch.ones(5, dtype=torch.int64))
    assert value(softmax_collapse(), wrong) == 2 / 5 and value(zero_loss(), wrong) == 0.0


def test_the_count_is_that_of_numpy():
    outputs = (20.0 * normal(300, 5)).float()
    probe = network(outputs, torch.zeros(300, dtype=torch.int64))
    alone = 0
    for z in outputs.numpy():
        total = numpy.float32(0.0)
        for each in numpy.sort(z - z.max()):
            total += numpy.float32(math.exp(each))
        alone += total == numpy.float32(1.0)
    assert 0.1 < alone / 300 < 0.9 and value(softmax_collapse(), probe) == pytest.approx(alone / 300, abs=0.01)


def test_a_scalar_output_is_the_logit_of_two_classes():
    outputs = torch.tensor([[0.0], [3.0], [-3.0], [40.0], [-40.0]], dtype=torch.float64)
    probe = network(outputs, torch.ones(5, dtype=torch.float64))
    assert value(softmax_collapse(), probe) == 2 / 5


def test_zero_losses_are_those_of_the_task():
    outputs = torch.tensor([[1.0], [-1.0], [0.5]], dtype=torch.float64)
    assert value(zero_loss(), network(outputs, torch.tensor([1.0, 1.0, 1.0]))) == pytest.approx(1 / 3)
    fits = torch.tensor([[1.0, 0.0], [1.0, 1e-3]], dtype=torch.float64)
    classes = torch.zeros(2, dtype=torch.int64)
    assert value(zero_loss(), network(fits, classes, loss=_losses.squared_error)) == 1 / 2


@pytest.mark.parametrize("label", TASKS)
def test_small_tasks_are_counted_example_by_example(label):
    probe = trained_probe(label, 10)
    f, y = probe.outputs("test"), probe.splits["test"].targets
    zeros = [float(probe.task.loss(f[i : i + 1], y[i : i + 1])) == 0.0 for i in range(len(y))]
    assert value(zero_loss("test"), probe) == pytest.approx(sum(zeros) / len(y))
    pairs = f if f.shape[1] > 1 else torch.cat([torch.zeros_like(f), f], 1)
    lost = [float(torch.exp(z - z.max()).sum()) == 1.0 for z in pairs]
    assert value(softmax_collapse("test"), probe) == pytest.approx(sum(lost) / len(y))


def test_a_dead_network_has_not_collapsed():
    for label in ("xor", "sparse_parity"):
        probe = dead(probe_of(label))
        assert value(softmax_collapse(), probe) == value(zero_loss(), probe) == 0.0
