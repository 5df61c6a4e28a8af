"""The decision boundary of a network on a plane, exact: the segments on which two classes share the largest output.

In a linear region the outputs are affine, so two classes are equal on a line. A part of this line is boundary: the part
in the region on which no third class is larger. A class that is the largest at every vertex of a region is the largest
in all of it, because the region is convex; such regions hold no boundary.
"""

from itertools import combinations

import numpy as np

from grokbench.geometry.network import Array
from grokbench.geometry.polygons import Polygons
from grokbench.geometry.regions import Regions

__all__ = ["decision_boundary"]

SHORTEST = 1e-12  # of the extent of the regions; shorter segments are left out


def decision_boundary(regions: Regions) -> Array:
    """Compute the decision boundary: of the largest output, or of the sign of the output if there is only one.

    Args:
        regions: the regions of a network on a window of a plane.

    Returns:
        The ends of the segments in coordinates of the plane, (segments, 2, 2).
    """
    maps = regions.outputs
    if maps.shape[2] == 1:
        maps = np.concatenate([maps, np.zeros_like(maps)], axis=2)
    mixed = _mixed(regions.polygons, maps)
    polygons, maps = regions.polygons.chosen(mixed), maps[mixed]
    if not len(polygons):
        return np.zeros((0, 2, 2))
    shortest = SHORTEST * float(np.ptp(regions.polygons.vertices, axis=0).max())
    edges = _edges(polygons)
    pairs = combinations(range(maps.shape[2]), 2)
    return np.concatenate([_segments(maps, edges, polygons.centres, one, other, shortest) for one, other in pairs])


def _mixed(polygons: Polygons, maps: Array) -> np.ndarray:
    """Find the polygons whose vertices do not all have the same class."""
    owners = polygons.owners
    values = np.einsum("vk,vkc->vc", polygons.vertices, maps[owners, :2]) + maps[owners, 2]
    classes = values.argmax(axis=1)
    starts = polygons.starts[:-1]
    found: np.ndarray = np.maximum.reduceat(classes, starts) > np.minimum.reduceat(classes, starts)
    return found


def _edges(polygons: Polygons) -> Array:
    """Return affine functions that are positive inside each polygon, (polygons, 3, most edges)."""
    vertices = polygons.padded()
    along = np.roll(vertices, -1, axis=1) - vertices  # zero for repeated vertices: no condition
    inward = np.stack([-along[..., 1], along[..., 0]], axis=1)
    return np.concatenate([inward, -(inward * np.moveaxis(vertices, 2, 1)).sum(axis=1, keepdims=True)], axis=1)


def _segments(maps: Array, edges: Array, centres: Array, one: int, other: int, shortest: float) -> Array:
    """Return the boundary between two classes, in all polygons."""
    normal = maps[:, :, one] - maps[:, :, other]
    length = np.hypot(normal[:, 0], normal[:, 1])
    line = normal / np.where(length > 0.0, length, 1.0)[:, None]
    foot = centres - (np.einsum("nk,nk->n", centres, line[:, :2]) + line[:, 2])[:, None] * line[:, :2]
    along = np.stack([-line[:, 1], line[:, 0]], axis=1)
    low, high = _interval(np.concatenate([edges, _margins(maps, one, other)], axis=2), foot, along)
    kept = (length > 0.0) & (high - low > shortest)
    ends = foot[kept, None] + np.stack([low, high], axis=1)[kept, :, None] * along[kept, None]
    return ends


def _margins(maps: Array, one: int, other: int) -> Array:
    """Return the lead of a class over each third class, as affine functions, (n, 3, classes - 2)."""
    thirds = [each for each in range(maps.shape[2]) if each not in (one, other)]
    return maps[:, :, [one]] - maps[:, :, thirds]


def _interval(conditions: Array, foot: Array, along: Array) -> tuple[Array, Array]:
    """Find the t for which every affine function is at least 0 at foot + t along; high < low if there is none.

    Args:
        conditions: (n, 3, m).
        foot: (n, 2).
        along: (n, 2).
    """
    slope = np.einsum("nk,nkm->nm", along, conditions[:, :2])
    value = np.einsum("nk,nkm->nm", foot, conditions[:, :2]) + conditions[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        root = -value / slope
    low = np.where(slope > 0.0, root, -np.inf).max(axis=1)
    high = np.where(slope < 0.0, root, np.inf).min(axis=1)
    never = ((slope == 0.0) & (value < 0.0)).any(axis=1)
    return low, np.where(never, -np.inf, high)
