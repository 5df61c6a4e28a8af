"""A trial: the settings of one method on one task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grokbench.tune.space import Point, Space, values_at

__all__ = ["Key", "Trial", "default_trial", "trial_at"]

Key = tuple[str, str]  # labels of task and method


@dataclass(frozen=True)
class Trial:
    """The settings of one method on one task.

    Attributes:
        number: the number of the trial; 0 for the suite's own settings.
        point: the point in the unit cube of the space; for trial 0, the nearest point.
        values: name of a dimension -> value.
    """

    number: int
    point: Point
    values: Mapping[str, Any]


def default_trial(space: Space, own: Mapping[str, Any], size: int) -> Trial:
    """Make trial 0.

    Args:
        space: the search space of the method on the task.
        own: name of a dimension -> the suite's own value.
        size: the number of coordinates of a point.
    """
    point = [0.5] * size
    for dimension in space:
        point[dimension.coordinate] = dimension.coordinate_of(own[dimension.name])
    return Trial(0, tuple(point), dict(own))


def trial_at(space: Space, number: int, point: Point) -> Trial:
    """Make a trial from a point.

    Args:
        space: the search space of the method on the task.
        number: the number of the trial.
        point: the point in the unit cube.
    """
    return Trial(number, point, values_at(space, point))
