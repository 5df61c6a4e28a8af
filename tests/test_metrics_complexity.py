"""Local complexity against sign patterns counted one vertex at a time, in float64."""

from dataclasses import replace

import pytest
import torch

from grokbench.metrics.complexity import frame_of, local_complexity

from .helpers import oracles
from .helpers.metric_probes import dead, images, made, normal, probe_of, trained_probe
from .helpers.tiny import SUITE, grokbench, write

pytestmark = pytest.mark.usefixtures("tiny_data")
RELU = ("xor", "sparse_parity", "mnist", "mnist_mse")


def hidden(net, x):
    """The pre-activations of every hidden unit at one input, in a list."""
    found = []
    for layer in net.layers[:-1]:
        z = layer(x)
        found += z.tolist()
        x = torch.relu(z)
    return found


def brute_force(net, inputs, frame, radius):
    """The mean number of units whose sign differs among the vertices."""
    total = 0
    for x in inputs:
        patterns = [[z > 0 for z in hidden(net, x + sign * radius * v)] for v in frame for sign in (1.0, -1.0)]
        total += sum(len(set(unit)) == 2 for unit in zip(*patterns, strict=True))
    return total / len(inputs)


@pytest.mark.parametrize("radius", [0.02, 0.3, 2.0])
@pytest.mark.parametrize("label", RELU)
def test_the_switching_units_are_counted(label, radius):
    probe = trained_probe(label, 3)
    x = probe.splits["train"].inputs[:12]
    expected = brute_force(oracles.Net(probe.params), x, frame_of(6, x[0]), radius)
    metric = local_complexity(directions=6, radius=radius, examples=12)
    assert float(metric.measure(probe)) == pytest.approx(expected, abs=1e-12)
    assert expected > 0 or radius < 2.0


@pytest.mark.parametrize("label", RELU)
def test_the_preactivations_are_those_of_the_network(label):
    probe = trained_probe(label, 2)
    net, x = oracles.Net(probe.params), probe.splits["train"].inputs
    found = torch.cat(probe.task.facts["preactivations"](probe.params, x), 1)
    expected = torch.tensor([hidden(net, each) for each in x], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("directions", [1, 5, 12, 40])
def test_a_frame_is_orthonormal_and_has_at_most_the_dimensions_of_an_input(directions):
    frame = frame_of(directions, normal(3, 4)).flatten(1)
    assert len(frame) == min(directions, 12)
    torch.testing.assert_close(frame @ frame.T, torch.eye(len(frame), dtype=torch.float64), rtol=0, atol=1e-14)
    assert torch.equal(frame_of(directions, torch.zeros(3, 4, dtype=torch.float64)).flatten(1), frame)


def test_images_are_disturbed_in_all_their_channels():
    probe = images()
    x = probe.splits["train"].inputs
    z = lambda x: probe.task.facts["preactivations"](probe.params, x)[0].flatten(1)  # noqa: E731
    patterns = torch.stack([z(x + s * 0.5 * v) > 0 for v in frame_of(7, x[0]) for s in (1.0, -1.0)])
    expected = (patterns.any(0) & ~patterns.all(0)).sum(1).double().mean()
    assert 0 < float(expected) == float(local_complexity(directions=7, radius=0.5).measure(probe))


def test_a_radius_is_counted_in_standard_deviations_or_in_pixels():
    plain, coloured = images(), images(pixel_std=(0.25, 0.25))
    metric = local_complexity(directions=7, radius=0.5)
    assert metric.measure(coloured) == local_complexity(directions=7, radius=0.125).measure(plain)
    assert local_complexity(directions=7, radius=0.5, space="pixel").measure(coloured) == metric.measure(plain)


def test_one_hyperplane_is_met_where_a_vertex_lies_behind_it():
    w, x = normal(4), torch.zeros(1, 4, dtype=torch.float64)
    reach = float((frame_of(4, x[0]) @ w).abs().max())  # of the vertices, in units of the radius
    for distance, expected in ((0.99, 1.0), (1.01, 0.0)):
        facts = {"preactivations": lambda params, x, b=distance * reach * 0.1: ((x @ w - b)[:, None],)}
        probe = made(lambda params, x: x, x, torch.zeros(1, dtype=torch.int64), facts=facts)
        assert float(local_complexity(directions=4, radius=0.1).measure(probe)) == expected


def test_the_count_is_the_same_in_pieces_and_at_every_evaluation():
    probe = trained_probe("mnist", 2)
    pieces = replace(probe, task=replace(probe.task, evaluate_examples=5), key=probe.key + 1)
    metric = local_complexity(directions=5, radius=0.5)
    assert float(metric.measure(pieces)) == float(metric.measure(probe)) > 0


def test_a_dead_network_has_one_region():
    assert float(local_complexity().measure(dead(probe_of("sparse_parity")))) == 0.0


def test_a_network_without_relus_is_refused(tmp_path):
    suite = SUITE.replace(
        "parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 3}", "sums: {use: modular_addition}"
    )
    done = grokbench("validate", write(tmp_path, suite + "metrics:\n  complexity: {use: local_complexity}\n"))
    assert done.status == 2
    assert "local_complexity needs a task with preactivations; no task here has it" in done.err


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"directions": 0}, "directions must be at least 1, got 0"),
        ({"radius": 0.0}, "radius must be positive, got 0.0"),
    ],
)
def test_a_hull_without_extent_is_refused(parameter, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        local_complexity(**parameter)
