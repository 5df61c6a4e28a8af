"""Convex polygons in one ragged array, and the cut of many polygons at once, each by a line of its own."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grokbench.geometry.network import Array

__all__ = ["Indices", "Polygons", "cut", "joined"]

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Polygons:
    """Convex polygons, counter-clockwise, each with at least three vertices.

    Attributes:
        vertices: those of all polygons, one polygon after the other, (vertices, 2).
        starts: the number of each polygon's first vertex, and last the number of all vertices, (polygons + 1,).
    """

    vertices: Array
    starts: Indices

    def __len__(self) -> int:
        """Count the polygons."""
        return len(self.starts) - 1

    def __getitem__(self, number: int) -> Array:
        """Return the vertices of one polygon, (n, 2)."""
        return self.vertices[self.starts[number] : self.starts[number + 1]]

    @property
    def sizes(self) -> Indices:
        """The number of vertices of each polygon."""
        return np.diff(self.starts)

    @property
    def owners(self) -> Indices:
        """For each vertex, the number of its polygon."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def following(self) -> Indices:
        """For each vertex, the number of the next vertex of its polygon."""
        after = np.arange(1, len(self.vertices) + 1)
        after[self.starts[1:] - 1] = self.starts[:-1]
        return after

    @property
    def centres(self) -> Array:
        """The mean of each polygon's vertices, a point in its interior, (polygons, 2)."""
        return np.add.reduceat(self.vertices, self.starts[:-1], axis=0) / self.sizes[:, None]

    @property
    def areas(self) -> Array:
        """The area of each polygon, computed around its own first vertex so that little precision is lost."""
        around = self.vertices - self.vertices[self.starts[:-1]].repeat(self.sizes, axis=0)
        (x, y), (u, v) = around.T, around[self.following].T
        return np.add.reduceat(x * v - u * y, self.starts[:-1]) / 2.0

    def padded(self) -> Array:
        """Return the vertices as (polygons, most vertices, 2); the last vertex of a smaller polygon is repeated."""
        place = np.arange(self.sizes.max(initial=0))[None, :]
        return self.vertices[self.starts[:-1, None] + np.minimum(place, self.sizes[:, None] - 1)]

    def part(self, first: int, last: int) -> "Polygons":
        """Select the polygons from a number to before another."""
        starts = self.starts[first : last + 1]
        return Polygons(self.vertices[starts[0] : starts[-1]], starts - starts[0])

    def chosen(self, which: NDArray[np.bool_]) -> "Polygons":
        """Select polygons by a mask, (polygons,)."""
        return Polygons(self.vertices[which.repeat(self.sizes)], _starts(self.sizes[which]))


def joined(parts: Iterable[Polygons]) -> Polygons:
    """Join the polygons of several arrays, in order."""
    known = list(parts)
    sizes = np.concatenate([part.sizes for part in known])
    return Polygons(np.concatenate([part.vertices for part in known]), _starts(sizes))


def cut(polygons: Polygons, distances: Array, tolerance: float) -> tuple[Polygons, Indices]:
    """Cut each polygon by a line of its own.

    A vertex closer to the line than `tolerance` counts as on it, and a polygon is cut only if it has vertices farther
    away on both sides. So a cut through a corner adds no second vertex beside the corner, and no piece is thinner than
    the tolerance.

    Args:
        polygons: the polygons.
        distances: for each vertex, its signed distance to the line of its polygon.
        tolerance: a distance.

    Returns:
        The pieces, and for each piece the number of the polygon that it was part of.
    """
    side = np.where(np.abs(distances) <= tolerance, 0, np.sign(distances)).astype(np.int8)
    starts = polygons.starts[:-1]
    both = (np.maximum.reduceat(side, starts) > 0) & (np.minimum.reduceat(side, starts) < 0)
    whole, divided = polygons.chosen(~both), polygons.chosen(both)
    within, own = both.repeat(polygons.sizes), np.flatnonzero(both)
    halves = _halves(divided, distances[within], side[within]) if len(divided) else []
    return joined([whole, *halves]), np.concatenate([np.flatnonzero(~both), *([own] * len(halves))])


def _halves(polygons: Polygons, distances: Array, side: NDArray[np.int8]) -> list[Polygons]:
    """Divide polygons that all have vertices on both sides of their line, into the parts on either side."""
    after = polygons.following
    crosses = side * side[after] < 0
    share = np.divide(distances, distances - distances[after], out=np.zeros_like(distances), where=crosses)
    crossing = polygons.vertices + share[:, None] * (polygons.vertices[after] - polygons.vertices)
    both = np.stack([polygons.vertices, crossing], axis=1).reshape(-1, 2)  # each vertex, then the crossing behind it
    halves = []
    for sign in (1, -1):
        kept = np.stack([side * sign >= 0, crosses], axis=1)
        sizes = np.add.reduceat(kept.sum(axis=1), polygons.starts[:-1])
        halves.append(Polygons(both[kept.ravel()], _starts(sizes)))
    return halves


def _starts(sizes: Indices) -> Indices:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
