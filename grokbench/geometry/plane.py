"""The plane through three inputs, with orthonormal coordinates, and the window of it that is studied."""

from dataclasses import dataclass

import numpy as np

from grokbench.geometry.network import Array

__all__ = ["Plane", "Window", "plane_through"]

FLAT = 1e-9  # if the third point is closer to the line through the others, relative to their distance, it is on it


@dataclass(frozen=True)
class Plane:
    """A two-dimensional plane in the input space; distances in it are those of the input space.

    Attributes:
        origin: the input at the coordinates (0, 0), (d,).
        axes: two orthonormal directions, (2, d).
    """

    origin: Array
    axes: Array

    def coordinates(self, inputs: Array) -> Array:
        """Project inputs (n, d) onto the plane, (n, 2)."""
        found: Array = (inputs - self.origin) @ self.axes.T
        return found

    def inputs(self, coordinates: Array) -> Array:
        """Return the inputs, (n, d), at coordinates (n, 2)."""
        found: Array = self.origin + coordinates @ self.axes
        return found


@dataclass(frozen=True)
class Window:
    """A square in the coordinates of a plane.

    Attributes:
        left: the smallest first coordinate.
        bottom: the smallest second coordinate.
        side: the length of a side.
    """

    left: float
    bottom: float
    side: float

    @property
    def corners(self) -> Array:
        """The corners, (4, 2), counter-clockwise from the lower left one."""
        return np.array([self.left, self.bottom]) + self.side * np.array(
            [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
        )


def plane_through(points: Array) -> Plane:
    """Return the plane through three inputs.

    The origin is their mean. The first axis points from the first input to the second; the third input has the larger
    second coordinate.

    Args:
        points: (3, d).

    Raises:
        ValueError: the inputs lie on a line.
    """
    first, second = points[1] - points[0], points[2] - points[0]
    length = float(np.linalg.norm(first))
    along = first / (length or 1.0)
    across = second - (second @ along) * along
    height = float(np.linalg.norm(across))
    if not length or height <= FLAT * float(np.linalg.norm(second)):
        raise ValueError("the three inputs lie on a line, so no single plane passes through them")
    return Plane(points.mean(axis=0), np.stack([along, across / height]))


def window_around(coordinates: Array, margin: float) -> Window:
    """Return the smallest square around points (n, 2) that keeps a margin.

    Args:
        coordinates: (n, 2).
        margin: the margin on each side, as a share of the larger extent of the points.
    """
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    side = float((high - low).max()) * (1.0 + 2.0 * margin)
    left, bottom = (low + high - side) / 2.0
    return Window(float(left), float(bottom), side)
