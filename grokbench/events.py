"""The events of a job: a run, kept weights, the progress of a group, a timing, a profile, a group size.

Launchers add two events of their own: a job without progress, and a notice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from grokbench.records import Cell, Run, Timing

__all__ = ["Event", "KeptWeights", "MeasuredGroupSize", "NoProgress", "Notice", "Profile", "Progress"]


@dataclass(frozen=True)
class Progress:
    """The progress of a group: replicas of one cell that are trained together.

    Attributes:
        cell: the cell of the group.
        seeds: the seeds with which the group began.
        epoch: completed epochs.
        active: replicas still in training.
    """

    cell: Cell
    seeds: tuple[int, ...]
    epoch: int
    active: int


@dataclass(frozen=True)
class Profile:
    """The seconds of one epoch of one seed, by phase.

    Attributes:
        cell: the cell that was measured.
        replicas: replicas that were trained together.
        seconds: phase -> seconds per seed and epoch, in the order of the phases. The seconds of an evaluation are
            divided by the epochs between two evaluations.
    """

    cell: Cell
    replicas: int
    seconds: Mapping[str, float]

    @property
    def total(self) -> float:
        """Seconds per seed and epoch, all phases together."""
        return sum(self.seconds.values())

    def share(self, phase: str) -> float:
        """Compute the share of the total that a phase takes, from 0 to 1."""
        return self.seconds[phase] / self.total


class MeasuredGroupSize(NamedTuple):
    """The number of replicas of a cell that a device holds."""

    replicas: int


class KeptWeights(NamedTuple):
    """The weights of a replica at an epoch, which are stored before its run is.

    Attributes:
        identity: the identity of the replica's cell.
        seed: the seed of the replica.
        epoch: completed epochs.
        content: the content of the file, in the format safetensors.
    """

    identity: str
    seed: int
    epoch: int
    content: bytes


class NoProgress(NamedTuple):
    """The event that a job has shown no progress for some time: no step, no evaluation, no message.

    Attributes:
        seconds: the time without progress; 0 when progress has returned.
    """

    seconds: float


class Notice(NamedTuple):
    """A sentence for the user about a job, such as a new attempt."""

    text: str


Event = Run | KeptWeights | Progress | Timing | Profile | MeasuredGroupSize | NoProgress | Notice
