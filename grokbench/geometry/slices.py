"""A slice: all that a figure shows of one network on the plane through three inputs."""

from dataclasses import dataclass

import numpy as np

from grokbench.geometry.boundary import decision_boundary
from grokbench.geometry.network import Array, ReluNetwork
from grokbench.geometry.plane import Window, plane_through, window_around
from grokbench.geometry.regions import Regions, linear_regions

__all__ = ["MARGIN", "Slice", "slice_through"]

MARGIN = 0.25  # of the triangle's larger extent, on each side of the triangle


@dataclass(frozen=True)
class Slice:
    """A network on a window of the plane through three inputs.

    Attributes:
        window: the window, in coordinates of the plane; distances are those of the input space.
        points: the coordinates of the three inputs, (3, 2).
        regions: the linear regions in the window.
        boundary: the segments of the decision boundary, (segments, 2, 2).
        centroids: the centroids of the regions that contain the inputs, (3, d).
        alignments: the cosine of the angle between each input and its centroid, (3,); 0 if either is zero.
    """

    window: Window
    points: Array
    regions: Regions
    boundary: Array
    centroids: Array
    alignments: Array


def slice_through(network: ReluNetwork, inputs: Array, margin: float = MARGIN) -> Slice:
    """Compute the slice of a network through three inputs.

    Args:
        network: the network.
        inputs: (3, d).
        margin: the width of the window beyond the triangle, as a share of the triangle's larger extent.

    Raises:
        ValueError: the inputs lie on a line.
    """
    plane = plane_through(inputs)
    points = plane.coordinates(inputs)
    window = window_around(points, margin)
    regions = linear_regions(network, plane, window)
    centroids = network.centroids(inputs)
    return Slice(
        window,
        points,
        regions,
        decision_boundary(regions),
        centroids,
        _cosines(inputs, centroids),
    )


def _cosines(one: Array, other: Array) -> Array:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.einsum("nd,nd->n", one, other) / np.where(lengths > 0.0, lengths, 1.0)
