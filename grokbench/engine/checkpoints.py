"""Checkpoints: the state of a group on disk, from which an interrupted group resumes bit for bit.

A checkpoint holds a header and every tensor that training changes, see `checkpoint_format`. Data, keys and batch orders
are drawn again from the seeds. The group ignores a checkpoint and starts anew in four cases: the checkpoint cannot be
read or contradicts itself, its facts differ (another engine, plugin or machine), the content of a data set has changed,
or the checkpoint lacks a replica whose run is missing.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.engine import checkpoint_format
from grokbench.engine.groups import TRAINING_STATE, Group
from grokbench.engine.stopping import StoppingMonitor
from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.io.files import open_file

__all__ = ["CheckpointFile", "Checkpoint"]

MONITORED = (
    "epochs",
    "grokked_at",
    "memorised_at",
    "held",
    "curves",
    "weights",
)  # fields of a monitor that evaluations change, besides `crossings`


@dataclass(frozen=True)
class Checkpoint:
    """The state of a group between two epochs.

    Attributes:
        seeds: the seed of each row.
        monitors: row -> the fields MONITORED and `crossings`, for the replicas still in training.
        epoch: completed epochs.
        prepare_seconds: the seconds of `prepare` of each replica.
        data: data set -> digest of the content that the group read.
        tensors: the leaves of the fields `groups.TRAINING_STATE`.
    """

    seeds: tuple[int, ...]
    monitors: Mapping[int, Mapping[str, Any]]
    epoch: int
    prepare_seconds: float
    data: Mapping[str, str]
    tensors: Sequence[Tensor]

    @classmethod
    def of(
        cls,
        group: Group,
        monitors: Mapping[int, StoppingMonitor],
        epoch: int,
        prepare_seconds: float,
        data: Mapping[str, str],
    ) -> "Checkpoint":
        """Take a checkpoint of a group, without copying its tensors.

        Args:
            group: the replicas.
            monitors: row -> monitor, for the replicas still in training.
            epoch: completed epochs.
            prepare_seconds: the seconds of `prepare` of each replica.
            data: data set -> digest.
        """
        written = {
            row: {name: getattr(monitor, name) for name in MONITORED} | {"crossings": asdict(monitor.crossings)}
            for row, monitor in monitors.items()
        }
        return cls(group.seeds, written, epoch, prepare_seconds, data, _leaves(group))

    def restore(self, group: Group) -> Group | None:
        """Return a new group of the same seeds with this state; None if shapes or dtypes differ."""
        state = {name: getattr(group, name) for name in TRAINING_STATE}
        leaves, structure = pytree.tree_flatten(state)
        if [(leaf.shape, leaf.dtype) for leaf in leaves] != [(t.shape, t.dtype) for t in self.tensors]:
            return None
        restored = [tensor.to(leaf.device) for tensor, leaf in zip(self.tensors, leaves, strict=True)]
        return replace(group, **pytree.tree_unflatten(restored, structure))


@dataclass
class CheckpointFile:
    """The checkpoint file of a group.

    Attributes:
        path: the path of the file, `<results>/checkpoints/<identity>/<group>.npz`.
        facts: JSON data on which the numbers depend, besides the cell's identity and the seeds; a file with other facts
            is ignored.
        wanted: the seeds whose runs are not stored yet; a file that lacks such a seed is ignored.
        seconds: the seconds between two checkpoints.
    """

    path: Path
    facts: Mapping[str, Any]
    wanted: frozenset[int]
    seconds: float

    @classmethod
    def of(
        cls, folder: Path, seeds: Sequence[int], facts: Mapping[str, Any], wanted: frozenset[int], seconds: float
    ) -> "CheckpointFile":
        """Name the checkpoint file of a group; nothing is written.

        Args:
            folder: the folder of the cell's checkpoints.
            seeds: the seeds of the group, which decide the file's name.
            facts: see the class.
            wanted: see the class.
            seconds: see the class.
        """
        name = sha256(",".join(map(str, seeds)).encode()).hexdigest()[:16]
        return cls(folder / f"{name}.npz", facts, wanted, seconds)

    def __post_init__(self) -> None:
        """Set the time of the first checkpoint, `seconds` from now."""
        self._written = time.monotonic()

    def write_if_due(self, checkpoint: Callable[[], Checkpoint], now: bool = False) -> None:
        """Write a checkpoint if the last one is `seconds` old or `now` is set; a full disk does not stop training."""
        if now or time.monotonic() - self._written >= self.seconds:
            with suppress(StoreError):  # if the error persists, saving the runs raises it
                atomic.write(self.path, _bytes(checkpoint(), self.facts), self.path.parents[2])
            self._written = time.monotonic()

    def read(self) -> Checkpoint | None:
        """Read the checkpoint; None if the file is missing or damaged, or does not match."""
        try:
            with open_file(self.path) as file:
                found = checkpoint_format.load(file, self._matches)
        except checkpoint_format.UNREADABLE:
            return None
        if found is None:
            return None
        head, tensors = found
        monitors = {row: dict(vars(monitor)) for row, monitor in head.monitors.items()}
        return Checkpoint(head.seeds, monitors, head.epoch, head.prepare_seconds, head.data, tensors)

    def _matches(self, head: checkpoint_format.Head) -> bool:
        known = {head.seeds[row] for row in head.monitors}
        return head.facts == json.loads(json.dumps(self.facts)) and known >= self.wanted

    def clear(self) -> None:
        """Delete the file."""
        atomic.remove(self.path, self.path.parents[2])


def _leaves(group: Group) -> list[Tensor]:
    return pytree.tree_leaves({name: getattr(group, name) for name in TRAINING_STATE})


def _bytes(checkpoint: Checkpoint, facts: Mapping[str, Any]) -> bytes:
    names = ("seeds", "monitors", "epoch", "prepare_seconds", "data")
    head = {name: getattr(checkpoint, name) for name in names}
    return checkpoint_format.dump(head | {"facts": facts}, checkpoint.tensors)
