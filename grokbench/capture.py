"""A group on buffers of its own, and recordings of its epochs and evaluations that are replayed there.

A network this small keeps a GPU waiting for its host. A recorded stretch (an epoch with its smaller last batch, or so
many batches of a long one) is one launch: it works on the buffers, is told the epoch by a tensor, and leaves the next
state where it read the last one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.epochs import Pending, draw, look_ahead, measure, train_epoch, train_steps
from grokbench.groups import MOVING, Group, moving
from grokbench.memory import exhausted
from grokbench.step import Step

__all__ = ["LONGEST", "WARM_UPS", "Captured", "Play", "Record", "cuda_graph", "first_cause"]

WARM_UPS = 2  # times that something runs before it is recorded: libraries choose kernels and take their workspaces
LONGEST = 32  # steps in a recording, of some hundred kernels each: what records an epoch of thousands takes minutes

Play = Callable[[], None]
Record = Callable[[Play], Play]  # what is to be recorded -> what replays it


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
        """`record` makes a replay of a function without arguments: `cuda_graph`."""
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
        """An epoch in one recording; a long one as its draws, so many stretches, and the rest."""
        step, group, epoch, steps = self.step, self.group, self._epoch, self.step.task.steps
        if steps <= LONGEST:

            def whole() -> None:
                _write(group, train_epoch(step, group, epoch))
                epoch.add_(1)

            self._whole = self._recorded(whole)
            return self._whole
        drawn, number = draw(step, group, 0), torch.zeros_like(epoch)
        stretches = (steps - 1) // LONGEST

        def opening() -> None:
            for buffer, value in zip(drawn, draw(step, group, epoch), strict=True):
                buffer.copy_(value)
            number.zero_()

        def stretch() -> None:
            _write(group, train_steps(step, group, epoch, drawn, [number + ahead for ahead in range(LONGEST)]))
            number.add_(LONGEST).remainder_(stretches * LONGEST)  # warming up goes on past the end

        def closing() -> None:
            _write(group, train_steps(step, group, epoch, drawn, range(stretches * LONGEST, steps)))
            epoch.add_(1)

        first, middle, last = self._recorded(opening, stretch, closing)
        self._whole = [first, *[middle] * stretches, last]
        return self._whole

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


def first_cause(error: BaseException) -> str:
    """What broke a recording: a capture that is broken off complains too, of what came before."""
    while error.__context__:
        error = error.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def cuda_graph(device: str) -> Record:
    """Record functions on a CUDA device, each after it has run WARM_UPS times.

    The recordings share their memory: between two replays nothing lives in it but what is still referred to, and what
    plays next overwrites the rest.
    """
    return partial(_cuda_graph, device=device, pool=torch.cuda.graph_pool_handle())


def _cuda_graph(play: Play, device: str, pool: tuple[int, int]) -> Play:
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
            with torch.cuda.graph(graph, pool=pool):
                play()
        finally:
            torch.cuda.set_stream(current)  # torch leaves its capturing stream current where a capture breaks off

    def replay() -> None:
        with torch.cuda.device(device):
            graph.replay()

    return replay


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
