"""A group on buffers of its own, and recordings of its epochs and evaluations that are replayed there.

A network this small keeps a GPU waiting for its host. A recorded stretch (an epoch with its smaller last batch, or so
many batches of a long one) is one launch: it works on the buffers, is told the epoch by a tensor, and leaves the next
state where it read the last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.cuda_graphs import Play, Record, first_cause
from grokbench.engine.draws import Draws, draw
from grokbench.engine.epochs import Pending, look_ahead, measure, train_epoch, train_steps
from grokbench.engine.groups import MOVING, Group, moving
from grokbench.memory import exhausted
from grokbench.step import Step

__all__ = ["LONGEST", "Captured"]

LONGEST = 32  # steps in a recording, of some hundred kernels each; up to twice as many where they are an epoch


@dataclass
class _Ahead:
    """Where the gradients of the next step are, and what evaluations can use of them: with full batches alone."""

    pending: Pending | None = None
    known: Mapping[str, Tensor] = field(default_factory=dict)


class Captured:
    """A group that moves on buffers; `group` is the buffers, `source` what filled them, until they have moved."""

    def __init__(self, step: Step, group: Group, record: Record) -> None:
        """`record` makes a replay of a function without arguments: see `CudaGraphs`."""
        self.step, self.record, self.note = step, record, ""
        self.source: Group | None = group
        self.group = replace(group, **moving(group))
        self._epoch, self._mark = (torch.zeros((), dtype=torch.int64, device=group.keys.device) for _ in range(2))
        self._tables: dict[tuple[str, ...], tuple[Tensor, Play]] = {}
        self._ahead = _Ahead()
        self._look_ahead: Play | None = None  # None where nothing is gained by it
        self._looked = False  # ahead, from where the buffers are
        self._rest: list[Play] = []  # what plays an epoch, after looking ahead, one after the other
        if step.task.full_batch and not step.has("perturb"):
            self._record_look_ahead()

    def look(self, labels: tuple[str, ...], epoch: int) -> Tensor:
        """The metrics and last whether all losses were finite, (replicas, labels + 1); nothing waits for them."""
        self._epoch.fill_(epoch)
        self._play_ahead()
        if labels not in self._tables:
            self._tables[labels] = self._recorded_table(labels)
        table, play = self._tables[labels]
        play()
        return table.clone()

    def train(self, epoch: int, until: int) -> None:
        """Move the buffers from `epoch` completed epochs to `until`; raises what recording raises, before they move."""
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
        """What a method does there that cannot be recorded will be met again by the epoch, and told then."""
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
        """Metrics among which one cannot be recorded are measured, operation by operation."""
        step, group, epoch, ahead = self.step, self.group, self._epoch, self._ahead
        table = torch.zeros(len(group.keys), len(labels) + 1, dtype=torch.float64, device=group.keys.device)

        def write() -> None:
            table.copy_(measure(step, group, labels, epoch, ahead.known))

        try:
            return table, self._recorded(write)
        except Exception as error:  # whatever a plugin does that a recording cannot hold
            if exhausted(error):
                raise
            self.note = first_cause(error)
            return table, write

    def _recorded_epoch(self) -> list[Play]:
        """Recordings that end an epoch, in order; the buffers, which warming up moves, are put back."""
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
