"""A group on buffers of its own, and recordings of its epochs and evaluations that are replayed there.

A network this small keeps a GPU waiting for its host. A recorded stretch (an epoch with its smaller last batch, or so
many batches of a long one) is one launch: it works on the buffers, is told the epoch by a tensor, and leaves the next
state where it read the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.cuda_graphs import Play, Record, first_cause
from grokbench.epochs import Pending, draw, look_ahead, measure, train_epoch, train_steps
from grokbench.groups import MOVING, Group, moving
from grokbench.memory import exhausted
from grokbench.step import Step

__all__ = ["LONGEST", "Captured"]

LONGEST = 32  # steps in a recording, of some hundred kernels each: what records an epoch of thousands takes minutes


@dataclass
class _Look:
    """An evaluation of the buffers."""

    table: Tensor  # (replicas, metrics + 1), where it leaves them
    play: Play = lambda: None
    pending: Pending | None = None  # where it leaves the gradients of the next step
    following: list[Play] = field(default_factory=list)  # the step from there


class Captured:
    """A group that moves on buffers; `group` is the buffers, `source` what filled them, until they have moved."""

    def __init__(self, step: Step, group: Group, record: Record) -> None:
        """`record` makes a replay of a function without arguments: see `CudaGraphs`."""
        self.step, self.record, self.note = step, record, ""
        self.source: Group | None = group
        self.group = replace(group, **moving(group))
        self._epoch = torch.zeros((), dtype=torch.int64, device=group.keys.device)
        self._looks: dict[tuple[str, ...], _Look] = {}
        self._seen: _Look | None = None  # played last, on the buffers as they are
        self._whole: list[Play] = []  # what plays an epoch, one after the other

    def look(self, labels: tuple[str, ...], epoch: int) -> Tensor:
        """The metrics and last whether all losses were finite, (replicas, labels + 1); nothing waits for them."""
        self._epoch.fill_(epoch)
        if labels not in self._looks:
            self._looks[labels] = self._recorded_look(labels)
        self._seen = self._looks[labels]
        self._seen.play()
        return self._seen.table.clone()

    def train(self, epoch: int, until: int) -> None:
        """Move the buffers from `epoch` completed epochs to `until`; raises what recording raises, before they move."""
        plays = self._following(epoch)
        rest = until - epoch - bool(plays)
        plays = plays + (self._whole or self._recorded_epoch()) * rest if rest else plays
        self.source = self._seen = None
        self._epoch.fill_(epoch)
        for play in plays:
            play()

    def _recorded_look(self, labels: Sequence[str]) -> _Look:
        """With full batches it takes the next step's gradients along; a metric that cannot be recorded is measured."""
        step, group, epoch = self.step, self.group, self._epoch
        shape = (len(group.keys), len(labels) + 1)
        look = _Look(torch.zeros(shape, dtype=torch.float64, device=group.keys.device))

        def ahead() -> None:
            look.pending, known = look_ahead(step, group, epoch)
            look.table.copy_(measure(step, group, labels, epoch, known))

        def alone() -> None:
            look.table.copy_(measure(step, group, labels, epoch, {}))

        try:
            look.play = self.record(ahead)
            look.table.fill_(torch.nan)
            look.play()
            _check(not look.table[:, -1].isnan().any())
        except Exception as error:  # whatever a plugin does that a recording cannot hold
            if exhausted(error):
                raise
            self.note, look.play, look.pending = first_cause(error), alone, None
        return look

    def _following(self, epoch: int) -> list[Play]:
        """The next epoch from the gradients that the last evaluation left; nothing where it left none."""
        look, group = self._seen, self.group
        if look is None or look.pending is None:
            return []
        if not look.following:
            step, now, seen = self.step, self._epoch, look

            def one() -> None:
                _write(group, train_epoch(step, group, now, seen.pending))
                now.add_(1)

            look.following = self._recorded(one)
            self._epoch.fill_(epoch)
            look.play()  # again: an optimizer may have warmed up on the gradients themselves
        return look.following

    def _recorded_epoch(self) -> list[Play]:
        self._whole = self._at_once() if self.step.task.steps <= LONGEST else self._in_stretches()
        return self._whole

    def _at_once(self) -> list[Play]:
        """An epoch in one recording."""
        step, group, epoch = self.step, self.group, self._epoch

        def whole() -> None:
            _write(group, train_epoch(step, group, epoch))
            epoch.add_(1)

        return self._recorded(whole)

    def _in_stretches(self) -> list[Play]:
        """An epoch as its draws, so many stretches of LONGEST steps, and the rest with the last, smaller batch."""
        step, group, epoch, steps = self.step, self.group, self._epoch, self.step.task.steps
        drawn, number, stretches = draw(step, group, 0), torch.zeros_like(epoch), (steps - 1) // LONGEST

        def opening() -> None:
            for buffer, value in zip(drawn, draw(step, group, epoch), strict=True):
                if buffer is not None and value is not None:
                    buffer.copy_(value)
            number.zero_()

        def stretch() -> None:
            _write(group, train_steps(step, group, epoch, drawn, [number + ahead for ahead in range(LONGEST)]))
            number.add_(LONGEST).remainder_(stretches * LONGEST)  # warming up goes on past the end

        def closing() -> None:
            _write(group, train_steps(step, group, epoch, drawn, range(stretches * LONGEST, steps)))
            epoch.add_(1)

        first, middle, last = self._recorded(opening, stretch, closing)
        return [first, *[middle] * stretches, last]

    def _recorded(self, *plays: Play) -> list[Play]:
        """Recordings of what ends an epoch; the buffers, which warming up moves, are put back."""
        before = moving(self.group)
        try:
            replays = [self.record(play) for play in plays]
            self._epoch.zero_()
            for replay in replays:
                replay()
            _check(int(self._epoch) == 1)
            return replays
        finally:
            _write(self.group, replace(self.group, **before))


def _check(played: bool | Tensor) -> None:
    if not played:
        raise RuntimeError("the recording is empty")


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
