"""The space of a search: each dimension maps the unit interval to the values of a setting."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["EDGE", "Dimension", "Point", "Space", "edge", "values_at"]

EDGE = 0.05  # this share of a range counts as the edge, at either end
ZERO = 0.25  # this share of the unit interval maps to 0, if a setting may be 0

Point = Sequence[float]  # coordinates in [0, 1]; the first two are those of lr and weight_decay


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A setting of the task's optimizer, or a parameter of a method.

    Attributes:
        name: the name in tables and files.
        coordinate: the index of the dimension's coordinate in a point.
        key: the key of the setting or of the parameter.
        plugin: the plugin that has the parameter; None for a setting of the optimizer.
        low: the least value.
        high: the largest value.
        log: True if values are spread evenly in the logarithm.
        integer: True if values are whole numbers.
        zero: True if 0 is a value in addition to the range from low to high.
        choices: values in place of a range.
    """

    name: str
    coordinate: int
    key: str
    plugin: str | None = None
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    integer: bool = False
    zero: bool = False
    choices: tuple[Any, ...] = ()

    def value(self, u: float) -> Any:
        """Return the value at a coordinate in [0, 1]; numbers are rounded to four digits."""
        if self.choices:
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        if self.zero:
            if u < ZERO:
                return 0.0
            u = (u - ZERO) / (1.0 - ZERO)
        if self.integer and not self.log:
            return int(min(self.low + math.floor(u * (self.high - self.low + 1)), self.high))
        number = self.low * (self.high / self.low) ** u if self.log else self.low + (self.high - self.low) * u
        number = min(max(float(f"{number:.4g}"), self.low), self.high)
        return round(number) if self.integer else number

    def position(self, value: Any) -> float | None:
        """Return the position of a value: 0 at low, 1 at high, or beyond; None for the value 0 and for choices."""
        if self.choices or isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if (self.zero or self.log) and value <= 0:
            return None if self.zero else -math.inf
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def coordinate_of(self, value: Any) -> float:
        """Return the coordinate of a value; for a value outside the space, that of the nearest value in the space."""
        if self.choices:
            index = self.choices.index(value) if value in self.choices else 0
            return (index + 0.5) / len(self.choices)
        position = self.position(value)
        if position is None:
            return 0.5 * ZERO if self.zero else 0.5
        position = min(max(position, 0.0), 1.0)
        return ZERO + (1.0 - ZERO) * position if self.zero else position


Space = tuple[Dimension, ...]


def values_at(space: Space, point: Point) -> dict[str, Any]:
    """Return the value of each dimension at a point, by the dimension's name.

    Args:
        space: the dimensions.
        point: the coordinates, at least as many as the last dimension needs.
    """
    return {dimension.name: dimension.value(point[dimension.coordinate]) for dimension in space}


def edge(dimension: Dimension, value: Any) -> str | None:
    """Return the end of a range, "lower" or "upper", near which a value lies; None for a value inside.

    A value is near an end if its distance from the end is at most the share `EDGE` of the range; with `log`, both are
    measured in the logarithm. Choices have no ends, and a range that includes 0 has no lower end.

    Args:
        dimension: the dimension with its range.
        value: a value of the dimension, possibly outside the range.
    """
    position = dimension.position(value)
    if position is None:
        return None
    if position >= 1.0 - EDGE:
        return "upper"
    return "lower" if position <= EDGE and not dimension.zero else None
