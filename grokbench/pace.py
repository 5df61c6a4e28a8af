"""How a group moves from one evaluation to the next: operation by operation, or as CUDA graphs recorded once.

A network this small keeps a GPU waiting for its host. A recorded epoch (every batch, the smaller last one included) is
one launch: it works on buffers of its own, is told the epoch by a tensor, and leaves the next state where it read the
last one. Nothing between two evaluations waits for the host.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.epochs import Pending, look_ahead, measure, train_epoch
from grokbench.groups import MOVING, Group
from grokbench.step import Step

__all__ = ["Eager", "Pace", "Recorded", "cuda_graph", "pace"]

WARM_UPS = 2  # epochs before a recording: libraries choose kernels and take their workspaces

Play = Callable[[], None]
Record = Callable[[Play], Play]  # what is to be recorded -> what replays it


class Pace(Protocol):
    """A way to train and evaluate a group."""

    @property
    def note(self) -> str | None:
        """Why it is slower than it might be."""

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[list[list[float]], Pending | None, Mapping[str, Tensor]]:
        """The metrics of each row and last whether its losses were finite; what the next step can use of it."""

    def advance(self, group: Group, epoch: int, until: int, pending: Pending | None) -> Group:
        """Train from `epoch` completed epochs to `until`."""


def pace(step: Step, device: str) -> Pace:
    """Recorded on CUDA, eager elsewhere."""
    return Recorded(step, cuda_graph) if device.startswith("cuda") else Eager(step)


class Eager:
    """One operation after the other."""

    def __init__(self, step: Step, note: str | None = None) -> None:
        """`note` says why it is not recorded, where it might have been."""
        self.step, self.note = step, note

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[list[list[float]], Pending | None, Mapping[str, Tensor]]:
        """See `Pace`; with full batches the next gradients are computed along."""
        pending, known = look_ahead(self.step, group, epoch)
        return measure(self.step, group, labels, epoch, known).tolist(), pending, known

    def advance(self, group: Group, epoch: int, until: int, pending: Pending | None) -> Group:
        """See `Pace`."""
        for now in range(epoch, until):
            group, pending = train_epoch(self.step, group, now, pending), None
        return group


class Recorded:
    """Epochs and evaluations that are recorded once for every size of the group; eager where that cannot be done."""

    def __init__(self, step: Step, record: Record) -> None:
        """`record` makes a replay of a function without arguments: `cuda_graph`."""
        self.step, self.record = step, record
        self.note: str | None = None
        self._eager: Eager | None = None
        self._group: Group | None = None  # the buffers

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[list[list[float]], Pending | None, Mapping[str, Tensor]]:
        """See `Pace`; nothing is left for the next step."""
        if self._eager or not self._ready(group):
            return self._as_eager().evaluate(group, labels, epoch)
        try:
            table = self._table(tuple(labels), epoch)
        except Exception as error:  # a metric that cannot be recorded
            return self._fall_back(error).evaluate(group, labels, epoch)
        return table.tolist(), None, {}

    def advance(self, group: Group, epoch: int, until: int, pending: Pending | None) -> Group:
        """See `Pace`; the group that comes back is the buffers themselves."""
        if self._eager or not self._ready(group):
            return self._as_eager().advance(group, epoch, until, pending)
        self._epoch.fill_(epoch)
        for _ in range(epoch, until):
            self._play()
        assert self._group is not None
        return self._group

    def _ready(self, group: Group) -> bool:
        """Have the buffers and the recording of this group; False where they cannot be had."""
        if group is self._group:
            return True
        try:
            self._record_group(group)
        except Exception as error:  # whatever a plugin does that a recording cannot hold
            self._fall_back(error)
        return self._eager is None

    def _record_group(self, group: Group) -> None:
        buffers = replace(group, **{name: _copy(getattr(group, name)) for name in MOVING})
        self._epoch = torch.zeros((), dtype=torch.int64, device=group.keys.device)
        self._tables: dict[tuple[str, ...], tuple[Tensor, Play]] = {}

        def epoch() -> None:
            _write(buffers, train_epoch(self.step, buffers, self._epoch))
            self._epoch.add_(1)

        self._group, self._play = None, self.record(epoch)
        _write(buffers, group)  # warming up has moved it
        self._group = buffers

    def _table(self, labels: tuple[str, ...], epoch: int) -> Tensor:
        assert self._group is not None
        group = self._group
        self._epoch.fill_(epoch)
        if labels not in self._tables:
            table = torch.zeros(len(group.keys), len(labels) + 1, dtype=torch.float64, device=group.keys.device)

            def look() -> None:
                table.copy_(measure(self.step, group, labels, self._epoch, {}))

            self._tables[labels] = table, self.record(look)
        table, play = self._tables[labels]
        play()
        return table

    def _fall_back(self, error: Exception) -> Eager:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        self.note = f"not recorded as a CUDA graph, and slower for it: {first}; `grokbench check` says where"
        self._eager = Eager(self.step, self.note)
        return self._eager

    def _as_eager(self) -> Eager:
        assert self._eager is not None
        return self._eager


def cuda_graph(play: Play) -> Play:
    """Record a function on the current CUDA device; the function runs WARM_UPS times before."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            play()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        play()
    return graph.replay


def _copy(tree: Any) -> Any:
    return pytree.tree_map(lambda tensor: tensor.clone(), tree)


@torch.no_grad()
def _write(buffers: Group, after: Group) -> None:
    """Put what an epoch has made where it read the last state."""
    for name in MOVING:
        old, new = (pytree.tree_leaves(getattr(group, name)) for group in (buffers, after))
        held = {id(buffer) for buffer in old}
        moved = [value.clone() if id(value) in held else value for value in new]  # two states may have changed places
        for buffer, value, made in zip(old, moved, new, strict=True):
            if made is not buffer:
                buffer.copy_(value)
