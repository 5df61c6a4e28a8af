"""Attacks against the closed form of linear networks, random search and the edges of the ball, in float64."""

from dataclasses import replace

import pytest
import torch

from grokbench import random
from grokbench.metrics import robustness
from grokbench.metrics.robustness import noise_accuracy, pgd_accuracy
from grokbench.metrics.standard import accuracy
from grokbench.tasks.mnist import STD

from .helpers.metric_probes import dead, images, made, normal, probe_of, trained_probe
from .helpers.small_cells import TASKS

pytestmark = pytest.mark.usefixtures("tiny_data")
MANNER = {"steps": 10, "step_size": 0.02, "radius": 0.05, "random_start": True, "space": "pixel", "loss": "margin"}


def attacked(probe, split="test", **manner):
    """The adversarial inputs of a split."""
    (batch,) = probe.batches(split)
    return robustness.attack(probe, batch, random.key(5), **MANNER | manner)


def value(metric, probe):
    return float(metric.measure(probe))


@pytest.mark.parametrize("space", ["pixel", "normalised"])
@pytest.mark.parametrize(
    "manner", [{"radius": 0.3, "step_size": 0.25}, {"radius": 0.01}, {"steps": 0}, {"radius": 0.0}]
)
@pytest.mark.parametrize("label", TASKS)
def test_an_attack_leaves_neither_its_ball_nor_the_valid_range(label, manner, space):
    probe = trained_probe(label, 3)
    x, bounds = probe.splits["test"].inputs, probe.task.input_bounds
    unit = bounds[1] - bounds[0] if bounds and space == "pixel" else 1.0
    found = attacked(probe, space=space, **manner)
    radius = (MANNER | manner)["radius"] * unit
    assert found.shape == x.shape and float((found - x).abs().max()) <= radius * (1 + 1e-14) + 1e-15
    assert torch.equal(found, x) == (radius == 0.0)
    if bounds:
        assert float(found.min()) >= bounds[0] and float(found.max()) <= bounds[1]


def test_images_are_attacked_in_units_of_their_channels():
    probe = images(pixel_std=(0.2, 0.05))
    x = probe.splits["test"].inputs
    moved = (attacked(probe, space="normalised", radius=0.5, step_size=0.3) - x).abs()
    for channel, radius in enumerate((0.1, 0.025)):
        assert 0.9 * radius < float(moved[:, channel].max()) <= radius * (1 + 1e-14)
    assert float((attacked(probe, radius=0.5, step_size=0.3) - x).abs().max()) > 0.4


def test_a_pixel_is_a_share_of_the_valid_range():
    probe = trained_probe("mnist", 20)
    manner = {"steps": 4, "loss": "margin"}
    found = [
        value(pgd_accuracy(radius=0.1 * unit, step_size=0.04 * unit, space=space, **manner), probe)
        for space, unit in (("pixel", 1.0), ("normalised", 1.0 / STD))
    ]
    assert found[0] == found[1] < value(accuracy(), probe)


def linear(bounds=None, scalar=True, n=200, d=12):
    """A linear network that is right about its inputs, some barely: scalar, or of two classes."""
    w = normal(d, 1, seed=1)
    x = random.uniform(random.key(2), (n, d)) if bounds else normal(n, d, seed=2)
    x = bounds[0] + (bounds[1] - bounds[0]) * x if bounds else x
    f = x @ w
    b = -f.median()
    W = torch.cat([-w, w], 1)
    forward = (lambda params, x: x @ w + b) if scalar else (lambda params, x: x @ W + torch.stack([-b, b]))
    sign = torch.where(f[:, 0] + b > 0, 1.0, -1.0).double()
    return made(forward, x, sign if scalar else (sign > 0).long(), input_bounds=bounds), w[:, 0], b, sign


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize("scalar", [True, False])
@pytest.mark.parametrize("bounds", [None, (-0.5, 1.5)])
def test_a_linear_network_is_attacked_as_badly_as_can_be(bounds, scalar, loss):
    probe, w, b, sign = linear(bounds, scalar)
    x, radius = probe.splits["test"].inputs, 0.05
    unit = bounds[1] - bounds[0] if bounds else 1.0
    worst = x - sign[:, None] * radius * unit * w.sign()
    worst = worst.clamp(*bounds) if bounds else worst
    torch.testing.assert_close(attacked(probe, loss=loss), worst, rtol=0, atol=1e-14)
    expected = float((sign * (worst @ w + b) > 0).double().mean())
    assert 0.3 < expected < 0.95
    assert value(pgd_accuracy(step_size=0.02, radius=radius, loss=loss), probe) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("label", "epochs", "radius"), [("mnist", 60, 0.1), ("modular_addition", 150, 0.25), ("xor", 100, 0.4)]
)
def test_an_attack_finds_what_a_random_search_of_equal_cost_finds_and_more(label, epochs, radius):
    probe = trained_probe(label, epochs, width=40)
    x, y = probe.splits["train"]
    bounds = probe.task.input_bounds
    unit = bounds[1] - bounds[0] if bounds else 1.0
    left = torch.ones(len(y), dtype=torch.bool)
    for draw in range(31):  # a backward pass costs two forward ones
        moved = x + radius * unit * (2.0 * random.uniform(random.fold(random.key(0), draw), tuple(x.shape)) - 1.0)
        moved = moved.clamp(*bounds) if bounds else moved
        left &= probe.task.correct(probe.task.forward(probe.params, moved), y)
    for loss in ("cross_entropy", "margin"):
        metric = pgd_accuracy(steps=10, radius=radius, step_size=radius / 4, split="train", loss=loss)
        assert value(metric, probe) < float(left.double().mean())
    assert value(accuracy("train"), probe) > 0.9


def test_robust_accuracy_without_a_radius_or_noise_is_the_accuracy():
    for label in TASKS:
        probe = trained_probe(label, 2)
        for metric in (pgd_accuracy(radius=0.0), noise_accuracy(sd=0.0), pgd_accuracy(steps=0, random_start=False)):
            assert value(metric, probe) == value(accuracy(), probe)


def test_pieces_of_a_split_are_attacked_as_a_whole_is():
    probe = trained_probe("sparse_parity", 40)
    pieces = replace(probe, task=replace(probe.task, evaluate_examples=7), known={})
    manner = {"radius": 0.3, "step_size": 0.1, "random_start": False}
    assert value(pgd_accuracy(**manner), pieces) == value(pgd_accuracy(**manner), probe)
    few = replace(probe, splits={"test": type(probe.splits["test"])(*(part[:5] for part in probe.splits["test"]))})
    assert value(pgd_accuracy(examples=5, **manner), probe) == value(pgd_accuracy(**manner), few)


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
def test_a_network_is_not_robust_because_its_softmax_has_collapsed(loss):
    """Ten times the last layer makes no other prediction, anywhere; in float32 it leaves cross-entropy no gradient."""
    quiet = trained_probe("mnist", 30)
    manner = {"radius": 0.1, "step_size": 0.04, "split": "train", "random_start": False}
    found = []
    for factor in (1.0, 10.0, 1000.0):
        params = {name: (factor * p if name == "weight4" else p).float() for name, p in quiet.params.items()}
        splits = {n: type(b)(b.inputs.float(), b.targets) for n, b in quiet.splits.items()}
        loud = replace(quiet, params=params, splits=splits, known={})
        found.append(value(pgd_accuracy(loss=loss, **manner), loud))
    assert found[0] == pytest.approx(found[1], abs=0.06) and found[0] == pytest.approx(found[2], abs=0.06)
    assert found[2] < value(accuracy("train"), quiet) - 0.1


def test_an_output_beyond_its_target_is_attacked_towards_an_error():
    """The squared error of an output of 1.5 grows upwards too, where no error is."""
    x = torch.full((4, 2), 0.75, dtype=torch.float64)
    probe = made(lambda params, x: x.sum(-1, keepdim=True), x, torch.ones(4, dtype=torch.float64))
    manner = {"steps": 20, "step_size": 0.1, "radius": 1.0, "random_start": False}
    assert value(pgd_accuracy(loss="task", **manner), probe) == 1.0
    assert value(pgd_accuracy(**manner), probe) == 0.0


def test_noise_has_its_standard_deviation_and_keeps_the_valid_range():
    x = torch.full((4000, 5), 0.5, dtype=torch.float64)
    probe = made(lambda params, x: x, x, torch.zeros(4000, dtype=torch.int64), input_bounds=(-1.0, 2.0))
    (batch,) = probe.batches("test")
    found = robustness.add_noise(probe, batch, random.key(0), sd=0.1, space="pixel")
    assert float(found.std()) == pytest.approx(0.3, rel=0.02) and float(found.mean()) == pytest.approx(0.5, abs=0.01)
    wild = robustness.add_noise(probe, batch, random.key(0), sd=5.0, space="normalised")
    assert float(wild.min()) == -1.0 and float(wild.max()) == 2.0
    first, again = (robustness.add_noise(probe, batch, random.key(k), sd=0.1, space="pixel") for k in (0, 1))
    assert not torch.equal(first, again)


def test_noise_on_a_linear_network_costs_what_the_normal_distribution_says():
    probe, w, b, sign = linear(n=4000)
    f = sign * (probe.splits["test"].inputs @ w + b)
    expected = float(torch.special.ndtr(f / (0.5 * w.norm())).mean())
    assert value(noise_accuracy(sd=0.5), probe) == pytest.approx(expected, abs=0.02)


def test_a_dead_network_has_an_accuracy():
    for label in ("xor", "sparse_parity"):
        probe = dead(probe_of(label))
        assert value(pgd_accuracy(), probe) == value(noise_accuracy(), probe) == value(accuracy(), probe)


@pytest.mark.parametrize("parameter", [{"steps": -1}, {"step_size": -0.1}, {"radius": -0.1}])
def test_a_negative_attack_is_refused(parameter):
    ((name, given),) = parameter.items()
    with pytest.raises(ValueError, match=f"^{name} must not be negative, got {given}$"):
        pgd_accuracy(**parameter)


def test_negative_noise_is_refused():
    with pytest.raises(ValueError, match=r"^sd must not be negative, got -0.1$"):
        noise_accuracy(sd=-0.1)
