"""Loss, accuracy and the norm of the weights against the obvious computation, in float64."""

from dataclasses import replace

import pytest
import torch

from grokbench.errors import PluginError
from grokbench.metrics import jacobian, standard

from .helpers import oracles
from .helpers.metric_probes import probe_of
from .helpers.small_cells import TASKS

pytestmark = pytest.mark.usefixtures("tiny_data")


@pytest.mark.parametrize("label", TASKS)
def test_loss_and_accuracy_are_the_obvious_ones_on_every_split(label):
    probe = probe_of(label)
    _, _, loss, activation = TASKS[label]
    values = oracles.evaluate(oracles.Net(probe.params, activation), probe.splits, loss)
    for split in probe.splits:
        assert float(standard.loss(split).measure(probe)) == pytest.approx(values[f"{split}_loss"], rel=1e-12)
        assert float(standard.accuracy(split).measure(probe)) == pytest.approx(values[f"{split}_accuracy"])


def test_the_weight_norm_is_that_of_all_parameters_together():
    probe = probe_of("sparse_parity")
    every = torch.cat([p.flatten() for p in probe.params.values()])
    assert float(standard.weight_norm().measure(probe)) == pytest.approx(float(every.norm()), rel=1e-14)


def test_a_threshold_is_not_passed_by_rounding():
    """8,000 of 10,000 correct is not above 0.8, whatever the precision of the network."""
    probe = probe_of("sparse_parity")
    n = len(probe.splits["train"].targets)
    batch = probe.splits["train"]
    outputs = torch.nn.functional.one_hot(batch.targets, 2).float()
    wrong = n // 5
    outputs[:wrong] = outputs[:wrong].flip(-1)
    probe.known["train"] = outputs
    assert not float(standard.accuracy("train").measure(probe)) > 0.8


def test_outputs_are_computed_once_per_split():
    calls = []
    probe = probe_of("sparse_parity")
    task = replace(probe.task, forward=lambda params, x: calls.append(1) or probe.task.forward(params, x))
    counted = replace(probe, task=task)
    for split in ("train", "test"):
        standard.loss(split).measure(counted)
        standard.accuracy(split).measure(counted)
    assert len(calls) == 2


def test_which_direction_is_better():
    assert standard.loss().better == "lower" and standard.accuracy().better == "higher"
    assert jacobian.centroid_alignment().better == "higher" and standard.weight_norm().better is None
    assert standard.accuracy("noise").splits == ("noise",) and standard.weight_norm().splits == ()


def test_a_metric_of_no_examples_is_refused(registry):
    counting = [plugin for plugin in registry.metrics.values() if "examples" in plugin.parameters]
    assert len(counting) > 10
    for plugin in counting:
        with pytest.raises(PluginError, match="refuses its parameters: examples must be at least 1, got 0$"):
            plugin.make({"examples": 0})
