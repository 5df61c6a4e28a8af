"""The tangent kernel against a loop of autograd over examples and outputs, in float64."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from grokbench import engine
from grokbench.engine.checkpoints import Checkpoint
from grokbench.engine.groups import shrink
from grokbench.metrics.kernel import ntk_alignment, ntk_change, ntk_mean

from .helpers.metric_probes import dead, images, made, normal, probe_of, trained_probe
from .helpers.small_cells import TASKS, epochs_for, make_step, replica, small, train_runs, trained

pytestmark = pytest.mark.usefixtures("tiny_data")
READINGS = ("sum", "trace")


def brute_force(probe, params, split, outputs, examples=None):
    """K, (n, n), by one backward pass for each example and output."""
    params = {name: p.clone().requires_grad_(name not in probe.task.frozen) for name, p in params.items()}
    learnt = [p for p in params.values() if p.requires_grad]
    rows = []
    for x in probe.splits[split].inputs[:examples]:
        f = probe.task.outputs(params, x[None])[0]
        f = f.sum()[None] if outputs == "sum" else f
        grads = [torch.autograd.grad(each, learnt, retain_graph=True, materialize_grads=True) for each in f]
        rows.append(torch.stack([torch.cat([g.flatten() for g in grad]) for grad in grads]))
    return torch.stack([torch.stack([(a * b).sum() for b in rows]) for a in rows]).detach()


def cosine(A, B):
    return float((A * B).sum() / (A.norm() * B.norm()))


def of_targets(targets):
    """Y Y^T."""
    Y = targets[:, None].double() if targets.is_floating_point() else F.one_hot(targets).double()
    return Y @ Y.T


def close(metric, probe, expected):
    found = metric.measure(probe)
    return found.shape == () and float(found) == pytest.approx(expected, rel=1e-10, abs=1e-13)


@pytest.mark.parametrize("outputs", READINGS)
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("label", TASKS)
def test_mean_change_and_alignment_are_those_of_brute_force(label, split, outputs):
    probe = trained_probe(label, 3)
    facts = {"outputs": outputs, "split": split}
    K = brute_force(probe, probe.params, split, outputs)
    assert close(ntk_mean(**facts), probe, float(K.mean()))
    few, K_0 = K[:9, :9], brute_force(probe, probe.initial, split, outputs, 9)
    turned = 1.0 - cosine(few, K_0)
    assert turned > 1e-6 and close(ntk_change(examples=9, **facts), probe, turned)
    y = probe.splits[split].targets[:9]
    assert close(ntk_alignment(examples=9, **facts), probe, cosine(few, of_targets(y)))


@pytest.mark.parametrize("outputs", READINGS)
def test_images_in_pieces_and_frozen_parameters(outputs):
    whole = images()
    probe = replace(whole, task=replace(whole.task, evaluate_examples=4, frozen=frozenset({"filters"})))
    K = brute_force(probe, probe.params, "train", outputs)
    assert not torch.allclose(K, brute_force(whole, probe.params, "train", outputs))
    assert close(ntk_mean(outputs), probe, float(K.mean()))
    assert close(ntk_mean(outputs, examples=5), probe, float(K[:5, :5].mean()))
    assert close(ntk_alignment(outputs), probe, cosine(K, of_targets(probe.splits["train"].targets)))


def test_a_kernel_of_targets_is_aligned_with_them():
    """f(x) = <w, x> has K = X X^T: with x = y e that is y y^T."""
    y = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)
    probe = made(lambda params, x: x @ params["w"], 3.0 * y[:, None] * normal(1, 5), y, {"w": normal(5, 1)})
    assert float(ntk_alignment().measure(probe)) == pytest.approx(1.0, rel=1e-14)
    assert float(ntk_change().measure(replace(probe, initial={"w": normal(5, 1, seed=9)}))) == 0.0  # f is linear in w


@pytest.mark.parametrize("outputs", READINGS)
def test_a_dead_network_has_numbers(outputs):
    probe = dead(probe_of("sparse_parity"))
    biases = brute_force(probe, probe.params, "train", outputs)  # of the readout: constant, or 0 where there is none
    assert close(ntk_mean(outputs), probe, float(biases.mean()))
    silent = dead(probe_of("modular_addition"))
    values = [float(metric(outputs).measure(silent)) for metric in (ntk_mean, ntk_change, ntk_alignment)]
    assert values == [0.0, 1.0, 0.0]


# ---- the parameters before training


def step_of(label):
    return make_step(small(label), metrics={"change": ntk_change(), "still": ntk_mean()})


def test_initial_parameters_are_kept_where_a_metric_asks_and_nowhere_else():
    begun, _ = engine.start(step_of("sparse_parity"), (0, 1, 2), "cpu", torch.float64)
    kept = {name: p.clone() for name, p in begun.params.items()}
    group = begun
    for epoch in range(3):
        group = engine.train_epoch(step_of("sparse_parity"), group, epoch)
    assert list(group.initial) == list(kept)
    assert all(
        torch.equal(group.initial[name], p) and not torch.equal(group.params[name], p) for name, p in kept.items()
    )
    plain, _ = engine.start(make_step(small("sparse_parity")), (0, 1), "cpu", torch.float64)
    assert plain.initial == {}


@pytest.mark.parametrize("label", ["sparse_parity", "modular_addition"])
def test_the_change_is_recorded_from_zero_on(label):
    epochs = epochs_for(small(label), 4)
    step = step_of(label)
    runs = train_runs(small(label), [], (0, 1, 2), epochs, step=step)
    for row, run in enumerate(runs):
        curve = run.curves["change"].values
        assert curve[0] == 0.0 and curve[-1] > 0.0
        end = trained(small(label), [], (0, 1, 2), epochs)
        probe = probe_of(label, row)
        K, K_0 = (brute_force(probe, params, "train", "sum", 64) for params in (replica(end.params, row), probe.params))
        assert curve[-1] == pytest.approx(1.0 - cosine(K, K_0), rel=1e-8)


def test_a_group_that_goes_on_or_shrinks_keeps_them():
    step = step_of("sparse_parity")
    group, _ = engine.start(step, (0, 1, 2), "cpu", torch.float64)
    kept = {name: p.clone() for name, p in group.params.items()}
    group = engine.train_epoch(step, group, 0)
    values = engine.evaluate(step, group, ["change"], 1, {})
    fresh, _ = engine.start(step, (0, 1, 2), "cpu", torch.float64)
    restored = Checkpoint.of(group, {}, 1, 0.0, {}).restore(fresh)
    assert engine.evaluate(step, restored, ["change"], 1, {}) == values
    smaller = shrink(group, [2, 0])
    assert all(torch.equal(p, kept[name][[2, 0]]) for name, p in smaller.initial.items())
    assert engine.evaluate(step, smaller, ["change"], 1, {})[1]["change"] == pytest.approx(
        values[0]["change"], rel=1e-12
    )
