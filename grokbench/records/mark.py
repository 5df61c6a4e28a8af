"""A mark: one difference between the recipe of a cell and the recipe of its task."""

from dataclasses import dataclass
from enum import StrEnum

from grokbench.records.bounds import Finite

__all__ = ["Mark", "MarkKind"]


class MarkKind(StrEnum):
    """The subject of a mark."""

    SETTING = "setting"  # the setting `name` of the optimizer, changed from `before` to `after`
    OPTIMIZER = "optimizer"  # the class of the optimizer, changed from `before` to `after`
    SCHEDULE = "schedule"  # the suite's schedule `name`
    WARMUP = "warmup"  # the suite's warm-up, `after` epochs long
    RATE = "rate"  # the method's own schedule
    UPDATE = "update"  # the method's own optimizer, for the parameters `name`
    LOSS = "loss"
    ARCHITECTURE = "architecture"
    AVERAGES = "averages"  # averaged weights are evaluated
    RESERVE = "reserve"  # `after`, the share of the training set that is kept for the method
    UNMAPPED = "unmapped"  # replicas are trained one by one


@dataclass(frozen=True)
class Mark:
    """One difference between the recipe of a cell and the recipe of its task, made by the suite or by a method.

    Attributes:
        kind: the subject of the mark.
        name: the name of the setting, the schedule or the parameters; empty for kinds without one.
        before: the task's value; numbers of a list are joined by slashes.
        after: the cell's value.
    """

    kind: MarkKind
    name: str = ""
    before: Finite | str | None = None
    after: Finite | str | None = None
