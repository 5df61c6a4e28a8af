"""How a group moves from one evaluation to the next: operation by operation, or by recordings that are replayed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from torch import Tensor

from grokbench.cuda_graphs import CudaGraphs, Record, first_cause
from grokbench.engine.capture import Captured
from grokbench.engine.epochs import Pending, look_ahead, measure, train_epoch
from grokbench.engine.groups import Group
from grokbench.memory import exhausted
from grokbench.step import Step

__all__ = ["Eager", "Pace", "Recorded", "pace_of"]

STEPS_AHEAD = 16  # that a recorded group takes before an evaluation among them is read


class Pace(Protocol):
    """A way to train and evaluate a group."""

    @property
    def note(self) -> str | None:
        """Why it is slower than it might be."""

    @property
    def steps_ahead(self) -> int:
        """Steps to take before the evaluations among them are read: a device that works on has to be waited for."""

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, Pending | None, Mapping[str, Tensor]]:
        """A table, (replicas, labels + 1): the metrics, and last whether losses were finite; what is of use later."""

    def advance(self, group: Group, epoch: int, until: int, pending: Pending | None) -> Group:
        """Train from `epoch` completed epochs to `until`; what the group held may be overwritten."""


def pace_of(step: Step, device: str) -> Pace:
    """Recorded on CUDA, eager elsewhere."""
    return Recorded(step, partial(CudaGraphs, device)) if device.startswith("cuda") else Eager(step)


class Eager:
    """One operation after the other."""

    steps_ahead = 0

    def __init__(self, step: Step, note: str | None = None) -> None:
        """`note` says why it is not recorded, where it might have been."""
        self.step, self.note = step, note

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, Pending | None, Mapping[str, Tensor]]:
        """See `Pace`; with full batches the next gradients are computed along."""
        pending, known = look_ahead(self.step, group, epoch)
        return measure(self.step, group, labels, epoch, known), pending, known

    def advance(self, group: Group, epoch: int, until: int, pending: Pending | None) -> Group:
        """See `Pace`."""
        for now in range(epoch, until):
            group, pending = train_epoch(self.step, group, now, pending), None
        return group


class Recorded:
    """Epochs and evaluations that are recorded once for every size of the group; eager where that cannot be done."""

    steps_ahead = STEPS_AHEAD  # eager or not: groups that resume shrink where they would have

    def __init__(self, step: Step, recorder: Callable[[], Record]) -> None:
        """`recorder` makes what records functions: see `CudaGraphs`."""
        self.step, self.recorder = step, recorder
        self.note: str | None = None
        self._eager: Eager | None = None
        self._captured: Captured | None = None

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, Pending | None, Mapping[str, Tensor]]:
        """See `Pace`; what the next step can use of it stays with the buffers."""
        if self._eager:
            return self._eager.evaluate(group, labels, epoch)
        captured = self._capture(group)
        table = captured.look(tuple(labels), epoch)
        self.note = _slower(captured.note) if captured.note else self.note
        return table, None, {}

    def advance(self, group: Group, epoch: int, until: int, pending: Pending | None) -> Group:
        """See `Pace`; the group that comes back is the buffers themselves."""
        if not self._eager:
            group = self._replayed(group, epoch, until)
        return self._eager.advance(group, epoch, until, pending) if self._eager else group

    def _replayed(self, group: Group, epoch: int, until: int) -> Group:
        """The group at `until`, or where it stood if that cannot be recorded: then it is eager from now on."""
        captured = self._capture(group)
        try:
            captured.train(epoch, until)
        except Exception as error:  # whatever a plugin does that a recording cannot hold
            if exhausted(error):
                raise
            self.note, self._captured = _slower(first_cause(error)), None
            self._eager = Eager(self.step, self.note)
        return captured.group

    def _capture(self, group: Group) -> Captured:
        """The buffers that hold this group."""
        if self._captured is None or (group is not self._captured.group and group is not self._captured.source):
            self._captured = None  # the memory of the last recordings goes first
            self._captured = Captured(self.step, group, self.recorder())
        return self._captured


def _slower(why: str) -> str:
    return f"not recorded as a CUDA graph, and slower for it: {why}; `grokbench check` says where"
