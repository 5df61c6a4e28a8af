"""How a group moves from one evaluation to the next: operation by operation, or as CUDA graphs recorded once.

A network this small keeps a GPU waiting for its host. A recorded epoch (every batch, the smaller last one included) is
one launch: it works on buffers of its own, is told the epoch by a tensor, and leaves the next state where it read the
last one. Nothing between two evaluations waits for the host.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.epochs import Pending, look_ahead, measure, train_epoch
from grokbench.groups import MOVING, Group
from grokbench.memory import exhausted
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
    return Recorded(step, partial(cuda_graph, device=device)) if device.startswith("cuda") else Eager(step)


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
        self._source: Group | None = None  # what the buffers were filled from, as long as they have not moved
        self._group: Group | None = None  # the buffers

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[list[list[float]], Pending | None, Mapping[str, Tensor]]:
        """See `Pace`; nothing is left for the next step."""
        buffers = self._buffers(group)
        if self._eager:
            return self._eager.evaluate(group, labels, epoch)
        return self._table(buffers, tuple(labels), epoch).tolist(), None, {}

    def advance(self, group: Group, epoch: int, until: int, pending: Pending | None) -> Group:
        """See `Pace`; the group that comes back is the buffers themselves."""
        buffers = self._buffers(group)
        if self._eager:
            return self._eager.advance(group, epoch, until, pending)
        self._source = None
        self._epoch.fill_(epoch)
        for _ in range(epoch, until):
            self._play()
        return buffers

    def _buffers(self, group: Group) -> Group:
        """The buffers that hold this group, recorded; the group itself where that cannot be done."""
        if self._eager or group is self._group:
            return group
        if self._group is None or group is not self._source:
            try:
                self._record_group(group)
            except Exception as error:  # whatever a plugin does that a recording cannot hold
                if exhausted(error):
                    raise
                self.note = _note(error)
                self._eager = Eager(self.step, self.note)
        return self._group or group

    def _record_group(self, group: Group) -> None:
        self._source = self._group = None
        self._play = _nothing  # the last recording's memory goes first
        buffers = replace(group, **{name: _copy(getattr(group, name)) for name in MOVING})
        self._epoch = torch.zeros((), dtype=torch.int64, device=group.keys.device)
        self._tables: dict[tuple[str, ...], tuple[Tensor, Play]] = {}

        def epoch() -> None:
            _write(buffers, train_epoch(self.step, buffers, self._epoch))
            self._epoch.add_(1)

        play = self.record(epoch)
        self._epoch.zero_()
        play()
        if int(self._epoch) != 1:
            raise RuntimeError("the recording is empty")
        _write(buffers, group)  # warming up has moved it
        self._play, self._source, self._group = play, group, buffers

    def _table(self, group: Group, labels: tuple[str, ...], epoch: int) -> Tensor:
        """The metrics of the buffers; measured eagerly where a metric cannot be recorded."""
        self._epoch.fill_(epoch)
        if labels not in self._tables:
            table = torch.zeros(len(group.keys), len(labels) + 1, dtype=torch.float64, device=group.keys.device)

            def look() -> None:
                table.copy_(measure(self.step, group, labels, self._epoch, {}))

            try:
                self._tables[labels] = table, self.record(look)
            except Exception as error:
                if exhausted(error):
                    raise
                self.note = _note(error)
                self._tables[labels] = table, look
        table, play = self._tables[labels]
        play()
        return table


def _nothing() -> None:
    """What is played before anything is recorded."""


def _note(error: BaseException) -> str:
    while error.__context__:  # a capture that is broken off complains too, of what came before
        error = error.__context__
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"not recorded as a CUDA graph, and slower for it: {first}; `grokbench check` says where"


def cuda_graph(play: Play, device: str) -> Play:
    """Record a function on a CUDA device; the function runs WARM_UPS times before."""
    with torch.cuda.device(device):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                play()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph):
                play()
        finally:
            torch.cuda.set_stream(current)  # torch leaves its capturing stream current where a capture breaks off

    def replay() -> None:
        with torch.cuda.device(device):
            graph.replay()

    return replay


def _copy(tree: Any) -> Any:
    return pytree.tree_map(lambda tensor: tensor.clone(), tree)


@torch.no_grad()
def _write(buffers: Group, after: Group) -> None:
    """Put what an epoch has made where it read the last state."""
    for name in MOVING:
        old, new = (pytree.tree_leaves(getattr(group, name)) for group in (buffers, after))
        moved = [(buffer, value) for buffer, value in zip(old, new, strict=True) if buffer is not value]
        held = {buffer.untyped_storage().data_ptr() for buffer in old}  # two states may have changed places
        values = [v.clone() if v.untyped_storage().data_ptr() in held else v for _, v in moved]
        for (buffer, _), value in zip(moved, values, strict=True):
            buffer.copy_(value)
