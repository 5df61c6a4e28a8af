"""The capture of a group: buffers that hold it, and CUDA graphs of its epochs and evaluations that work on them.

A network this small keeps a GPU waiting for its host. A captured stretch (an epoch with its smaller last batch, or
LONGEST batches of a long one) is one launch: it reads the epoch's number from a tensor, and writes the next state where
it read the last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.engine.batches import Draws, draw
from grokbench.engine.cuda_graphs import Play, Record, first_cause
from grokbench.engine.epochs import LookaheadGradients, look_ahead, measure, train_epoch, train_steps
from grokbench.engine.groups import MOVING, Group, moving
from grokbench.engine.out_of_memory import exhausted
from grokbench.step import Step

__all__ = ["LONGEST", "Captured"]

LONGEST = 32  # steps in a graph, of some hundred kernels each; up to twice as many where they are an epoch


@dataclass
class _Ahead:
    """The gradients of the next step, and the outputs that evaluations share with them; with full batches only."""

    pending: LookaheadGradients | None = None
    known: Mapping[str, Tensor] = field(default_factory=dict)


class Captured:
    """A group in buffers that graphs train in place.

    Attributes:
        group: the buffers.
        source: the group that they were copied from; None once they have been trained.
        note: why a part runs eagerly; empty if none does.
    """

    def __init__(self, step: Step, group: Group, record: Record) -> None:
        """Copy a group into buffers; `record` captures a function without arguments, see `CudaGraphs`."""
        self.step, self.record, self.note = step, record, ""
        self.source: Group | None = group
        self.group = replace(group, **moving(group))
        self._epoch, self._mark = (torch.zeros((), dtype=torch.int64, device=group.keys.device) for _ in range(2))
        self._tables: dict[tuple[str, ...], tuple[Tensor, Play]] = {}
        self._ahead = _Ahead()
        self._look_ahead: Play | None = None  # None where gradients and evaluations share nothing
        self._looked = False  # whether `_ahead` belongs to the present buffers
        self._rest: list[Play] = []  # the graphs of an epoch, in order, after `_look_ahead`
        if step.task.full_batch and not step.has("perturb"):
            self._record_look_ahead()

    def evaluate(self, labels: tuple[str, ...], epoch: int) -> Tensor:
        """The metrics, and last whether all losses were finite, (replicas, labels + 1), without waiting for them."""
        self._epoch.fill_(epoch)
        self._play_ahead()
        if labels not in self._tables:
            self._tables[labels] = self._recorded_table(labels)
        table, play = self._tables[labels]
        play()
        return table.clone()

    def train(self, epoch: int, until: int) -> None:
        """Train the buffers from `epoch` completed epochs to `until`; what capturing raises comes before any update."""
        self._rest = self._rest or self._recorded_epoch()
        self._epoch.fill_(epoch)
        self.source = None
        for _ in range(epoch, until):
            self._play_ahead()
            for play in self._rest:
                play()
            self._looked = False

    def _play_ahead(self) -> None:
        if self._look_ahead and not self._looked:
            self._look_ahead()
            self._looked = True

    def _record_look_ahead(self) -> None:
        """Capture `look_ahead`; where that fails, capturing the epoch fails too, and says why."""
        step, group, epoch, ahead = self.step, self.group, self._epoch, self._ahead

        def look() -> None:
            ahead.pending, ahead.known = look_ahead(step, group, epoch)

        try:
            self._look_ahead = self._recorded(look)
        except Exception as error:
            if exhausted(error):
                raise
            self._ahead = _Ahead()

    def _recorded_table(self, labels: Sequence[str]) -> tuple[Tensor, Play]:
        """Capture the metrics; if one of them cannot be captured, all are measured eagerly."""
        step, group, epoch, ahead = self.step, self.group, self._epoch, self._ahead
        table = torch.zeros(len(group.keys), len(labels) + 1, dtype=torch.float64, device=group.keys.device)

        def write() -> None:
            table.copy_(measure(step, group, labels, epoch, ahead.known))

        try:
            return table, self._recorded(write)
        except Exception as error:  # whatever a plugin does that cannot be captured
            if exhausted(error):
                raise
            self.note = first_cause(error)
            return table, write

    def _recorded_epoch(self) -> list[Play]:
        """Capture the graphs of an epoch, in order; the buffers, which warming up changes, are put back."""
        before = moving(self.group)
        try:
            return self._in_stretches() if self.step.task.steps >= 2 * LONGEST else [self._at_once()]
        finally:
            _write(self.group, replace(self.group, **before))
            self._looked = False  # an optimizer may have warmed up on the gradients themselves

    def _at_once(self) -> Play:
        step, group, epoch, ahead = self.step, self.group, self._epoch, self._ahead

        def whole() -> None:
            _write(group, train_epoch(step, group, epoch, ahead.pending))
            epoch.add_(1)

        return self._recorded(whole)

    def _in_stretches(self) -> list[Play]:
        """An epoch as its draws, so many stretches of LONGEST steps, and the rest with the last, smaller batch."""
        step, group, epoch, steps = self.step, self.group, self._epoch, self.step.task.steps
        drawn, number, stretches = draw(step, group, 0), torch.zeros_like(epoch), (steps - 1) // LONGEST

        def opening() -> None:
            _copy(drawn, draw(step, group, epoch))
            number.zero_()

        def stretch() -> None:
            _write(group, train_steps(step, group, epoch, drawn, [number + ahead for ahead in range(LONGEST)]))
            number.add_(LONGEST).remainder_(stretches * LONGEST)  # warming up goes on past the end

        def closing() -> None:
            _write(group, train_steps(step, group, epoch, drawn, range(stretches * LONGEST, steps)))
            epoch.add_(1)

        first, middle, last = (self._recorded(play) for play in (opening, stretch, closing))
        return [first, *[middle] * stretches, last]

    def _recorded(self, play: Play) -> Play:
        """A recording that is seen to play."""
        mark = self._mark

        def marked() -> None:
            play()
            mark.add_(1)

        replay = self.record(marked)
        mark.zero_()
        replay()
        if int(mark) != 1:
            raise RuntimeError("the recording is empty")
        return replay


def _copy(buffers: Draws, drawn: Draws) -> None:
    for buffer, value in zip(pytree.tree_leaves(buffers), pytree.tree_leaves(drawn), strict=True):
        buffer.copy_(value)


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
