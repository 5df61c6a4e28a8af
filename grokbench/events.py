"""The events of a job: a run, kept weights, the progress of a group, a timing, a profile, a group size.

Launchers add three events of their own: the start of a job, a job without progress, and a notice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from grokbench.records import Cell, Run, Timing

__all__ = ["Event", "KeptWeights", "MeasuredGroupSize", "NoProgress", "Notice", "Profile", "Progress", "Started"]


@dataclass(frozen=True)
class Progress:
    """The progress of a group: replicas of one cell that are trained together.

    Attributes:
        cell: the cell of the group.
        seeds: the seeds with which the group began.
        epoch: completed epochs.
        active: the number of replicas still in training.
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
        replicas: the number of replicas that were trained together.
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
    """The number of replicas of a cell that fit together into the memory of a device."""

    replicas: int


class KeptWeights(NamedTuple):
    """The weights of a replica at an epoch. They are stored before the replica's run.

    Attributes:
        identity: the identity of the replica's cell.
        seed: the seed of the replica.
        epoch: completed epochs.
        content: the bytes of a file in the safetensors format.
    """

    identity: str
    seed: int
    epoch: int
    content: bytes


class Started(NamedTuple):
    """The start of a job on a worker; a job that is tried again starts again.

    Attributes:
        host: the name of the machine.
        pid: the worker's process there; 0 if it is not known.
        device: the worker's device: "cpu", or a CUDA device such as "cuda:0".
        job_id: the id of the scheduler's job in which the worker runs; empty if there is no scheduler.
        log: the file to which the worker writes what it prints; empty if there is none.
    """

    host: str
    pid: int
    device: str
    job_id: str = ""
    log: str = ""


class NoProgress(NamedTuple):
    """A lack of progress: for some time a job has taken no step, made no evaluation and sent no message.

    Attributes:
        seconds: the time without progress so far; 0 once there is progress again.
    """

    seconds: float


class Notice(NamedTuple):
    """A sentence for the user about a job, for example that it is tried again."""

    text: str


Event = Run | KeptWeights | Progress | Timing | Profile | MeasuredGroupSize | Started | NoProgress | Notice
