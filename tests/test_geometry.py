"""Linear regions, decision boundaries and centroids: known by hand, and compared with sampled activation patterns."""

import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian

from grokbench.geometry import (
    Plane,
    Window,
    decision_boundary,
    linear_regions,
    network_of,
    plane_through,
    slice_through,
)
from grokbench.tasks import _mlp

PLANE = Plane(np.zeros(2), np.eye(2))
WINDOW = Window(-2.0, -2.0, 4.0)
KINDS = ((0, "weight"), (1, "bias"))


def network(*layers):
    """A network from pairs of a matrix and a bias."""
    return network_of(
        {f"{kind}{i}": np.array(pair[place], float) for i, pair in enumerate(layers, 1) for place, kind in KINDS}
    )


def random_network(*sizes, scale=1.0, bias=True, seed=0):
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=s) * scale / s[0] ** 0.5, bias * rng.normal(size=s[1])) for s in pairwise(sizes)]
    return network(*layers)


def lines(*units):
    """A network of one hidden layer whose units are zero where a x + b y + c is."""
    a = np.array(units, float)
    return network((a[:, :2].T, a[:, 2]), (np.ones((len(a), 1)), [0.0]))


def lengths(segments):
    return sorted(np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1))


def test_the_regions_of_two_layers_are_those_found_by_hand():
    """relu(x), relu(y), then relu(relu(x) + relu(y) - 1), whose line bends at the axes."""
    bent = network((np.eye(2), [0, 0]), ([[1.0], [1.0]], [-1.0]), ([[1.0, 0.0]], [0.0, 0.5]))
    regions = linear_regions(bent, PLANE, WINDOW)
    patterns = [tuple(map(int, pattern)) for pattern in regions.patterns]
    expected = {(1, 1, 0): 0.5, (1, 1, 1): 3.5, (1, 0, 0): 2, (1, 0, 1): 2, (0, 1, 0): 2, (0, 1, 1): 2, (0, 0, 0): 4}
    assert dict(zip(patterns, regions.polygons.areas, strict=True)) == pytest.approx(expected)
    steepness = dict(zip(patterns, regions.steepness, strict=True))
    assert steepness[1, 1, 1] == pytest.approx(2**0.5) and steepness[1, 0, 1] == 1 and steepness[0, 0, 0] == 0
    boundary = decision_boundary(regions)  # where the output 0 is 1/2: x + y = 3/2, x = 3/2 and y = 3/2
    assert lengths(boundary) == pytest.approx([2.0, 2.0, 1.5 * 2**0.5])
    assert np.maximum(boundary, 0).sum(axis=2) == pytest.approx(np.full((3, 2), 1.5))


@pytest.mark.parametrize(
    ("units", "areas"),
    [
        ([(1, 0, 0), (1, 0, 0), (-2, 0, 0)], [8, 8]),  # three units with the same line
        ([(1, 1, 0), (1, -1, 0)], [4, 4, 4, 4]),  # through the corners of the window
        ([(1, 0, 0), (0, 1, 0), (1, 1, 0), (1, -1, 0)], [2] * 8),  # through one point
        ([(0, 0, 0), (0, 0, 1), (1, 0, 2)], [16]),  # dead, constant, along a side of the window
        ([(1, 0, 2 - 1e-13)], [16]),  # closer to a side than the tolerance
        ([(1, 0, 2 - 1e-6)], [4e-6, 16 - 4e-6]),  # thin, but not too thin
    ],
)
def test_degenerate_lines_leave_no_slivers(units, areas):
    regions = linear_regions(lines(*units), PLANE, WINDOW)
    assert sorted(regions.polygons.areas) == pytest.approx(areas)


def test_a_scalar_output_decides_by_its_sign():
    regions = linear_regions(network((np.eye(2), [0, 0]), ([[1.0], [1.0]], [-1.0])), PLANE, WINDOW)
    assert lengths(decision_boundary(regions)) == pytest.approx([2**0.5, 2, 2])
    constant = network((np.eye(2), [0, 0]), ([[0.0], [0.0]], [-1.0]))
    assert decision_boundary(linear_regions(constant, PLANE, WINDOW)).shape == (0, 2, 2)


def sampled(network, inputs, samples, margin):
    """Compare a slice with the network at random points of its window."""
    found = slice_through(network, inputs, margin)
    plane, regions, window = plane_through(inputs), found.regions, found.window
    at = np.random.default_rng(1).random((samples, 2)) * window.side + [window.left, window.bottom]
    numbers = {pattern.tobytes(): number for number, pattern in enumerate(regions.patterns)}
    assert len(numbers) == len(regions)  # a pattern's region is convex, so that it is one polygon
    assert regions.polygons.areas.sum() == pytest.approx(window.side**2, rel=1e-12)
    assert regions.polygons.areas.min() > 0
    own = [numbers[pattern.tobytes()] for pattern in network.patterns(plane.inputs(at))]
    for point, number in zip(at, own, strict=True):
        corners = regions.polygons[number]
        (u, v), (x, y) = (np.roll(corners, -1, axis=0) - corners).T, (point - corners).T
        assert (u * y - v * x).min() > -1e-9 * window.side**2
    maps = regions.outputs[own]
    outputs = np.einsum("nk,nkc->nc", at, maps[:, :2]) + maps[:, 2]
    assert outputs == pytest.approx(network.outputs(plane.inputs(at)), rel=1e-9, abs=1e-9 * np.abs(outputs).max())
    return found, plane, at


def test_regions_and_boundary_agree_with_samples():
    net = random_network(12, 20, 18, 16, 4, scale=2.0)
    found, plane, at = sampled(net, np.random.default_rng(2).normal(size=(3, 12)) * 2, 1500, 0.5)
    assert len(found.regions) > 300 and len(found.boundary) > 30
    tops = np.sort(net.outputs(plane.inputs(found.boundary.reshape(-1, 2))), axis=1)
    assert tops[:, -1] == pytest.approx(tops[:, -2], rel=1e-9)  # at the ends of segments the two largest are equal
    classes = net.outputs(plane.inputs(at)).argmax(axis=1)
    one, other = np.array([(at[i], at[i + 1]) for i in range(0, 600, 2) if classes[i] != classes[i + 1]]).swapaxes(0, 1)
    assert len(one) > 50
    start = net.outputs(plane.inputs(one)).argmax(axis=1)
    for _ in range(60):  # bisection for a point at which the class changes
        middle = (one + other) / 2
        same = (net.outputs(plane.inputs(middle)).argmax(axis=1) == start)[:, None]
        one, other = np.where(same, middle, one), np.where(same, other, middle)
    first, along = found.boundary[:, 0], found.boundary[:, 1] - found.boundary[:, 0]
    share = np.einsum("psk,sk->ps", one[:, None] - first, along) / np.square(along).sum(axis=1)
    nearest = first + np.clip(share, 0, 1)[..., None] * along
    assert np.linalg.norm(one[:, None] - nearest, axis=2).min(axis=1).max() < 1e-9 * found.window.side


def test_three_layers_of_196_units_take_less_than_10_seconds():
    """At the initialisation, which has the most regions."""
    net = random_network(784, 196, 196, 196, 10, scale=8.0, bias=False)
    before = time.process_time()
    found, _, _ = sampled(net, np.random.default_rng(3).random((3, 784)) * 4, 1000, 0.0)
    assert time.process_time() - before < 10 and len(found.regions) > 10_000


def test_centroids_are_the_sums_of_the_jacobians_rows():
    net = random_network(7, 9, 8, 3)
    layers = enumerate(zip(net.weights, net.biases, strict=True), 1)
    params = {f"{kind}{i}": torch.tensor(pair[place]) for i, pair in layers for place, kind in KINDS}
    inputs = np.random.default_rng(4).normal(size=(3, 7))
    jacobians = [jacobian(lambda x: _mlp.forward(params, x[None])[0], torch.tensor(x)).numpy() for x in inputs]
    found = slice_through(net, inputs)
    centroids = np.sum(jacobians, axis=1)
    assert net.jacobians(net.patterns(inputs)) == pytest.approx(np.array(jacobians))
    assert found.centroids == pytest.approx(centroids)
    norms = np.linalg.norm(inputs, axis=1) * np.linalg.norm(centroids, axis=1)
    assert found.alignments == pytest.approx((inputs * centroids).sum(axis=1) / norms)


def test_a_plane_keeps_distances_and_refuses_points_on_a_line():
    points = np.random.default_rng(5).normal(size=(3, 6))
    plane = plane_through(points)
    at = plane.coordinates(points)
    assert plane.inputs(at) == pytest.approx(points)
    assert np.linalg.norm(at[0] - at[2]) == pytest.approx(np.linalg.norm(points[0] - points[2]))
    for wrong in (points[[0, 0, 1]], points[[0, 1, 1]], np.outer([0.0, 1.0, 3.0], points[0])):
        with pytest.raises(ValueError, match="the three inputs lie on a line"):
            plane_through(wrong)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({"weight1": (3, 2)}, "expected the parameters weight1, weight2, ... of at least two layers, found weight1"),
        ({"weight1": (3, 2), "weight2": (2, 1), "scale": (1,)}, "of at least two layers, found scale"),
        ({"weight1": (3, 2), "weight2": (4, 1)}, "the shapes of the layers do not fit: (3, 2), (4, 1)"),
        ({"weight1": (3, 2), "weight2": (2, 1), "bias1": (3,)}, "the shapes of the layers do not fit"),
        ({}, "found none"),
    ],
)
def test_other_parameters_are_refused(shapes, said):
    with pytest.raises(ValueError) as raised:
        network_of({name: np.ones(shape) for name, shape in shapes.items()})
    assert said in str(raised.value)
