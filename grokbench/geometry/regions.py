"""The linear regions of a ReLU network on a window of a plane, exact.

On the plane every pre-activation of the first layer is an affine function of the two coordinates, so its zeros are a
line. Cut by the lines of all units, the window falls into convex polygons. On each of them the second layer is affine
again, and so each layer cuts the polygons of the layer before it.

Regions are told apart by their activation patterns. Two neighbours with different patterns may still have the same
affine map, for instance where a unit's outgoing weights are zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grokbench.geometry.network import Array, Patterns, ReluNetwork
from grokbench.geometry.plane import Plane, Window
from grokbench.geometry.polygons import Indices, Polygons, cut, joined

__all__ = ["Regions", "linear_regions"]

TOLERANCE = 1e-10  # of the window's side; a region that is thinner is part of its neighbour
TOGETHER = 1024  # polygons that a layer cuts at once, which bounds the memory


@dataclass(frozen=True)
class Regions:
    """The linear regions of a network on a window.

    Attributes:
        polygons: one for each region.
        patterns: the activation pattern of each region, (regions, units).
        outputs: the affine map of each region from coordinates to outputs, (regions, 3, C): the slopes along both axes,
            and the values at the origin.
    """

    polygons: Polygons
    patterns: Patterns
    outputs: Array

    @property
    def steepness(self) -> Array:
        """The Frobenius norm of the outputs' Jacobian along the plane, (regions,)."""
        return np.sqrt(np.square(self.outputs[:, :2]).sum(axis=(1, 2)))

    def __len__(self) -> int:
        """Count the regions."""
        return len(self.polygons)


def linear_regions(network: ReluNetwork, plane: Plane, window: Window) -> Regions:
    """Compute the linear regions of a network on a window of a plane.

    Args:
        network: the network.
        plane: the plane.
        window: the part of the plane that is divided.
    """
    polygons, patterns = Polygons(window.corners, np.array([0, 4])), np.zeros((1, 0), np.bool_)
    tolerance = TOLERANCE * window.side
    for _ in network.widths:
        parts = [_divided(network, plane, *part, tolerance) for part in _parts(polygons, patterns)]
        polygons, patterns = joined(part for part, _ in parts), np.concatenate([part for _, part in parts])
    outputs = [_affine(network, plane, part) for _, part in _parts(polygons, patterns)]
    return Regions(polygons, patterns, np.concatenate(outputs))


def _affine(network: ReluNetwork, plane: Plane, patterns: Patterns) -> Array:
    """Compute the affine maps from coordinates to the layer that follows the given patterns.

    Args:
        network: the network.
        plane: the plane.
        patterns: those of the first hidden layers, (n, units). With no units the map is that of the first layer, with
            all units that of the outputs.

    Returns:
        (n, 3, units of that layer): the slopes along both axes, and the values at the origin.
    """
    first = np.concatenate([plane.axes @ network.weights[0], (plane.origin @ network.weights[0])[None]])
    first[2] += network.biases[0]
    maps = np.repeat(first[None], len(patterns), axis=0)
    for layer, mask in enumerate(network.by_layer(patterns), start=1):
        masked = (maps * mask[:, None, :]).reshape(-1, mask.shape[1])  # one product of matrices is faster than many
        maps = (masked @ network.weights[layer]).reshape(len(patterns), 3, -1)
        maps[:, 2] += network.biases[layer]
    return maps


def _parts(polygons: Polygons, patterns: Patterns) -> Iterator[tuple[Polygons, Patterns]]:
    for first in range(0, len(polygons), TOGETHER):
        yield polygons.part(first, first + TOGETHER), patterns[first : first + TOGETHER]


def _divided(
    network: ReluNetwork, plane: Plane, regions: Polygons, patterns: Patterns, tolerance: float
) -> tuple[Polygons, Patterns]:
    """Cut regions by the lines of the next layer's units."""
    maps = _affine(network, plane, patterns)
    steepness = np.hypot(maps[:, 0], maps[:, 1])
    lines = maps / np.where(steepness > 0.0, steepness, 1.0)[:, None, :]  # their values are signed distances
    polygons, parents = regions, np.arange(len(regions))
    for units in _rounds(_crossed(regions, lines, tolerance)):
        polygons, parents = _cut_by(polygons, parents, lines, units, tolerance)
    on = np.einsum("nku,nk->nu", maps[parents], _homogeneous(polygons.centres)) > 0.0
    return polygons, np.concatenate([patterns[parents], on], axis=1)


def _crossed(polygons: Polygons, lines: Array, tolerance: float) -> Patterns:
    """Find the units whose line passes through the interior of each polygon, (polygons, units)."""
    distances = _homogeneous(polygons.padded()) @ lines
    return (distances.max(axis=1) > tolerance) & (distances.min(axis=1) < -tolerance)


def _rounds(crossed: Patterns) -> Iterator[Indices]:
    """Yield for each round the unit that cuts each polygon's pieces, (polygons,), or -1."""
    rows, units = np.nonzero(crossed)
    counts = crossed.sum(axis=1)
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    for number in range(counts.max(initial=0)):
        now = rank == number
        chosen = np.full(len(crossed), -1)
        chosen[rows[now]] = units[now]
        yield chosen


def _cut_by(
    polygons: Polygons, parents: Indices, lines: Array, units: Indices, tolerance: float
) -> tuple[Polygons, Indices]:
    """Cut the pieces of each parent by the line of one unit; those of a parent whose unit is -1 stay as they are."""
    active = units[parents] >= 0
    moved, own = polygons.chosen(active), parents[active]
    coefficients = lines[own, :, units[own]][moved.owners]
    distances = np.einsum("vk,vk->v", _homogeneous(moved.vertices), coefficients)
    pieces, origins = cut(moved, distances, tolerance)
    return joined([polygons.chosen(~active), pieces]), np.concatenate([parents[~active], own[origins]])


def _homogeneous(points: Array) -> Array:
    """Append a coordinate of 1."""
    return np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
