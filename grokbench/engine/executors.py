"""Executors: how a group is trained from one evaluation to the next, eagerly or by replaying CUDA graphs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from torch import Tensor

from grokbench.engine.capture import Captured
from grokbench.engine.cuda_graphs import CudaGraphs, Record, first_cause
from grokbench.engine.epochs import LookaheadGradients, look_ahead, measure, train_epoch
from grokbench.engine.groups import Group
from grokbench.engine.out_of_memory import exhausted
from grokbench.step import Step

__all__ = ["EagerExecutor", "Executor", "GraphExecutor", "make_executor"]

STEPS_BETWEEN_READS = 16  # of a graph executor


class Executor(Protocol):
    """Trains and evaluates a group."""

    @property
    def note(self) -> str | None:
        """The reason why it is slower than it could be; None if it is not."""

    @property
    def steps_between_reads(self) -> int:
        """Steps to run before reading evaluations back, since reading synchronises the device."""

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, LookaheadGradients | None, Mapping[str, Tensor]]:
        """Evaluate a group after `epoch` completed epochs.

        Returns:
            A table (replicas, labels + 1) of metrics, and last whether all losses were finite; the gradients of the
            next step, if they were computed along the way; and, by split, the outputs computed.
        """

    def advance(self, group: Group, epoch: int, until: int, pending: LookaheadGradients | None) -> Group:
        """Train from `epoch` completed epochs to `until`; the tensors of `group` may be overwritten."""


def make_executor(step: Step, device: str) -> Executor:
    """Make a graph executor on CUDA, an eager one elsewhere."""
    return GraphExecutor(step, partial(CudaGraphs, device)) if device.startswith("cuda") else EagerExecutor(step)


class EagerExecutor:
    """Runs one operation after the other."""

    steps_between_reads = 0

    def __init__(self, step: Step, note: str | None = None) -> None:
        """`note`: why no CUDA graph is used, where one could have been expected."""
        self.step, self.note = step, note

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, LookaheadGradients | None, Mapping[str, Tensor]]:
        """See `Executor`; with full batches the next step's gradients are computed along the way."""
        pending, known = look_ahead(self.step, group, epoch)
        return measure(self.step, group, labels, epoch, known), pending, known

    def advance(self, group: Group, epoch: int, until: int, pending: LookaheadGradients | None) -> Group:
        """See `Executor`."""
        for completed in range(epoch, until):
            group, pending = train_epoch(self.step, group, completed, pending), None
        return group


class GraphExecutor:
    """Captures an epoch and an evaluation once for every size of the group, and replays them; else runs eagerly."""

    steps_between_reads = (
        STEPS_BETWEEN_READS  # also where it runs eagerly: a group that resumes shrinks at the same epochs
    )

    def __init__(self, step: Step, recorder: Callable[[], Record]) -> None:
        """`recorder` makes a `Record`, which captures functions: see `CudaGraphs`."""
        self.step, self.recorder = step, recorder
        self.note: str | None = None
        self._eager: EagerExecutor | None = None
        self._captured: Captured | None = None

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, LookaheadGradients | None, Mapping[str, Tensor]]:
        """See `Executor`; the next step's gradients stay in the buffers."""
        if self._eager:
            return self._eager.evaluate(group, labels, epoch)
        captured = self._capture(group)
        table = captured.evaluate(tuple(labels), epoch)
        self.note = _slower(captured.note) if captured.note else self.note
        return table, None, {}

    def advance(self, group: Group, epoch: int, until: int, pending: LookaheadGradients | None) -> Group:
        """See `Executor`; the returned group is the buffers themselves."""
        if not self._eager:
            group = self._replayed(group, epoch, until)
        return self._eager.advance(group, epoch, until, pending) if self._eager else group

    def _replayed(self, group: Group, epoch: int, until: int) -> Group:
        """The group at `until`; or, where capturing fails, the group unchanged, to be trained eagerly from now on."""
        captured = self._capture(group)
        try:
            captured.train(epoch, until)
        except Exception as error:  # whatever a plugin does that cannot be captured
            if exhausted(error):
                raise
            self.note, self._captured = _slower(first_cause(error)), None
            self._eager = EagerExecutor(self.step, self.note)
        return captured.group

    def _capture(self, group: Group) -> Captured:
        """The capture whose buffers hold this group."""
        if self._captured is None or (group is not self._captured.group and group is not self._captured.source):
            self._captured = None  # free the memory of the last capture first
            self._captured = Captured(self.step, group, self.recorder())
        return self._captured


def _slower(why: str) -> str:
    return f"not recorded as a CUDA graph, and slower for it: {why}; `grokbench check` says where"
