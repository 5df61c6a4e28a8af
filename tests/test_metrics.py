"""Metrics against slow autograd references, one example at a time, in float64."""

import pytest
import torch

from grokbench import Batch, Probe, engine, random
from grokbench.metrics import jacobian, standard

from . import oracles
from .cases import TASKS, make_step, small

pytestmark = pytest.mark.usefixtures("tiny_mnist")
JACOBIAN = ("jacobian_norm", "centroid_alignment", "centroid_inner_product", "centroid_norm")


def probe_of(label, seed=0):
    task = small(label)
    own = random.fold(random.key(seed), "task")
    splits = task.splits(own) | (task.shared(torch.device("cpu")) if task.shared else {})
    return Probe(task.init(own), splits, task, random.key(seed))


def reference(probe, activation, split):
    """The four numbers of the input Jacobian, example by example."""
    net, rows = oracles.Net(probe.params, activation), []
    for x in probe.splits[split].inputs:
        J = torch.autograd.functional.jacobian(net, x)
        mu = J.sum(0)
        inner, norm = float(x @ mu), float(mu.norm())
        rows.append((float(J.norm()), inner / max(float(x.norm()) * norm, 1e-8), inner, norm))
    return dict(zip(JACOBIAN, (sum(column) / len(rows) for column in zip(*rows, strict=True)), strict=True))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("label", TASKS)
def test_jacobian_metrics_are_those_of_brute_force(label, split):
    probe = probe_of(label)
    expected = reference(probe, TASKS[label][3], split)
    for name in JACOBIAN:
        found = getattr(jacobian, name)(split=split).measure(probe)
        assert found.shape == () and float(found) == pytest.approx(expected[name], rel=1e-10, abs=1e-12)


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


def test_a_network_that_copies_its_input_is_aligned():
    task = small("sparse_parity")
    inputs = torch.rand(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    params = {"weight1": torch.eye(8, dtype=torch.float64), "weight2": inputs[0][:, None]}
    probe = Probe(params, {"train": Batch(inputs[:1], torch.zeros(1))}, task, random.key(0))
    assert float(jacobian.centroid_alignment().measure(probe)) == pytest.approx(1.0, rel=1e-14)
    params["weight2"] = -params["weight2"]
    assert float(jacobian.centroid_alignment().measure(probe)) == pytest.approx(-1.0, rel=1e-14)


@pytest.mark.parametrize("name", JACOBIAN)
def test_a_dead_network_has_zeros_not_nans(name):
    probe = probe_of("sparse_parity")
    dead = Probe({n: torch.zeros_like(p) for n, p in probe.params.items()}, probe.splits, probe.task, probe.key)
    assert float(getattr(jacobian, name)().measure(dead)) == 0.0


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
    from dataclasses import replace

    calls = []
    probe = probe_of("sparse_parity")
    task = replace(probe.task, forward=lambda params, x: calls.append(1) or probe.task.forward(params, x))
    counted = Probe(probe.params, probe.splits, task, probe.key)
    for split in ("train", "test"):
        standard.loss(split).measure(counted)
        standard.accuracy(split).measure(counted)
    assert len(calls) == 2


@pytest.mark.parametrize("label", ["xor", "modular_addition", "mnist"])
def test_a_group_measures_what_each_replica_measures(label):
    task = small(label)
    metrics = {name: getattr(jacobian, name)() for name in JACOBIAN} | {"norm": standard.weight_norm()}
    step = make_step(task, metrics=metrics)
    group, _ = engine.start(step, (0, 1, 2), "cpu", torch.float64)
    for seed, values in enumerate(engine.evaluate(step, group, list(step.metrics), 0, {})):
        probe = probe_of(label, seed)
        for name, value in values.items():
            assert value == pytest.approx(float(step.metrics[name].measure(probe)), rel=1e-12)


def test_which_direction_is_better():
    assert standard.loss().better == "lower" and standard.accuracy().better == "higher"
    assert jacobian.centroid_alignment().better == "higher" and standard.weight_norm().better is None
    assert standard.accuracy("noise").splits == ("noise",) and standard.weight_norm().splits == ()
