"""What a job yields while it runs: a run, where a group stands, a timing, a profile, or the size of a group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from grokbench.records import Cell, Run, Timing

__all__ = ["Event", "Profile", "Progress", "MeasuredGroupSize"]


@dataclass(frozen=True)
class Progress:
    """The progress of a group of replicas."""

    cell: Cell
    seeds: tuple[int, ...]
    epoch: int
    active: int  # replicas still in training


@dataclass(frozen=True)
class Profile:
    """Seconds of one seed's epoch, by phase; an evaluation counts as often as the cell's cadence has it."""

    cell: Cell
    replicas: int  # trained together
    seconds: Mapping[str, float]  # phase -> seconds per seed-epoch, in order

    @property
    def total(self) -> float:
        """Seconds per seed-epoch."""
        return sum(self.seconds.values())

    def share(self, phase: str) -> float:
        """The phase's part of the whole, from 0 to 1."""
        return self.seconds[phase] / self.total


class MeasuredGroupSize(NamedTuple):
    """The number of replicas of a cell that a device holds."""

    replicas: int


Event = Run | Progress | Timing | Profile | MeasuredGroupSize
