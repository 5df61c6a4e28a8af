"""Executors, which train a group between evaluations: eagerly, by flat or compiled graphs, or by CUDA graphs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from torch import Tensor

from grokbench.engine.capture import CapturedGroup
from grokbench.engine.compiled_executor import CompiledExecutor
from grokbench.engine.cuda_graphs import Capture, GraphCapture, first_cause
from grokbench.engine.epochs import train_epoch
from grokbench.engine.evaluation import measure
from grokbench.engine.flat_executor import FlatExecutor
from grokbench.engine.flat_function import RECORD_AFTER
from grokbench.engine.gradients import LookaheadGradients, look_ahead
from grokbench.engine.groups import Group
from grokbench.engine.out_of_memory import exhausted
from grokbench.step import Step

__all__ = ["CompiledExecutor", "EagerExecutor", "Executor", "GraphExecutor", "make_executor"]

ONE_BY_ONE = "replicas were trained one by one, which is slower: the method cannot be mapped over them"
STEPS_BETWEEN_READS = 16  # default of a graph executor


class Executor(Protocol):
    """The interface of executors, which train and evaluate a group."""

    @property
    def note(self) -> str | None:
        """The reason why training is slower than usual on this device; None if it is not."""

    @property
    def steps_between_reads(self) -> int:
        """The steps to run before evaluations are read back, because reading synchronises the device."""

    @property
    def few_sizes(self) -> bool:
        """True if every new size of the group has to be compiled, so that a group should shrink to few sizes."""

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, LookaheadGradients | None, Mapping[str, Tensor]]:
        """Evaluate a group.

        Args:
            group: the replicas.
            labels: the labels of the metrics.
            epoch: completed epochs.

        Returns:
            Three results: a table (replicas, labels + 1) of the metrics, whose last column is 1 if all losses so far
            were finite and 0 otherwise; the next step's gradients, if the evaluation computed them; and split ->
            outputs (replicas, n, C), for the splits whose outputs the evaluation computed.
        """

    def advance(self, group: Group, epoch: int, until: int, pending: LookaheadGradients | None) -> Group:
        """Train a group.

        Args:
            group: the replicas; their tensors may be overwritten.
            epoch: completed epochs.
            until: completed epochs at the end.
            pending: the next step's gradients, if `evaluate` returned them.

        Returns:
            The group after the last epoch.
        """


def make_executor(step: Step, device: str, record_after: int = RECORD_AFTER, compiled: bool = False) -> Executor:
    """Create an executor: of flat graphs on a CPU, of CUDA graphs on a CUDA device, eager if neither can be used.

    Args:
        step: the cell's step.
        device: "cpu", or a CUDA device such as "cuda:0".
        record_after: the calls of a function before it is recorded as a flat graph, see `FlatFunction`.
        compiled: True to compile the flat graphs.
    """
    if not step.mapped:
        return EagerExecutor(step, ONE_BY_ONE)
    if not device.startswith("cuda"):
        return CompiledExecutor(step) if compiled else FlatExecutor(step, record_after)
    if step.periodic:
        return EagerExecutor(step, "steps of different phases alternate (`every`), which one CUDA graph cannot hold")
    return GraphExecutor(step, partial(GraphCapture, device))


class EagerExecutor:
    """An executor that launches the operations one by one."""

    steps_between_reads = 0
    few_sizes = False

    def __init__(self, step: Step, note: str | None = None) -> None:
        """Create the executor.

        Args:
            step: the cell's step.
            note: why this executor replaces a graph executor; None if it does not.
        """
        self.step, self.note = step, note

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, LookaheadGradients | None, Mapping[str, Tensor]]:
        """See `Executor`. With full batches, the evaluation also computes the next step's gradients."""
        pending, known = look_ahead(self.step, group, epoch)
        return measure(self.step, group, labels, epoch, known), pending, known

    def advance(self, group: Group, epoch: int, until: int, pending: LookaheadGradients | None) -> Group:
        """See `Executor`."""
        for completed in range(epoch, until):
            group, pending = train_epoch(self.step, group, completed, pending), None
        return group


class GraphExecutor:
    """An executor that captures an epoch and an evaluation for every size of the group, and replays them.

    If an epoch cannot be captured, the executor trains eagerly from then on.
    """

    # Eager training after a failed capture uses the same value, so that a resumed group shrinks at the same epochs.
    steps_between_reads = STEPS_BETWEEN_READS
    few_sizes = False  # groups on CUDA have few sizes in any case, see `ladder`

    def __init__(self, step: Step, make_capture: Callable[[], Capture]) -> None:
        """Create the executor; nothing is captured yet.

        Args:
            step: the cell's step.
            make_capture: creates a capture with memory of its own, see `GraphCapture`.
        """
        self.step, self.make_capture = step, make_capture
        self.note: str | None = None
        self._eager: EagerExecutor | None = None
        self._captured: CapturedGroup | None = None

    def evaluate(
        self, group: Group, labels: Sequence[str], epoch: int
    ) -> tuple[Tensor, LookaheadGradients | None, Mapping[str, Tensor]]:
        """See `Executor`. The next step's gradients stay in the buffers."""
        if self._eager:
            return self._eager.evaluate(group, labels, epoch)
        captured = self._captured_group(group)
        table = captured.evaluate(tuple(labels), epoch)
        self.note = _note(captured.note) if captured.note else self.note
        return table, None, {}

    def advance(self, group: Group, epoch: int, until: int, pending: LookaheadGradients | None) -> Group:
        """See `Executor`. The returned group is the buffers themselves."""
        if not self._eager:
            group = self._replay(group, epoch, until)
        return self._eager.advance(group, epoch, until, pending) if self._eager else group

    def _replay(self, group: Group, epoch: int, until: int) -> Group:
        """Train to `until` by CUDA graphs; if capturing fails, return the group unchanged and set `_eager`."""
        captured = self._captured_group(group)
        try:
            captured.train(epoch, until)
        except Exception as error:  # a plugin may raise anything
            if exhausted(error):
                raise
            self.note, self._captured = _note(first_cause(error)), None
            self._eager = EagerExecutor(self.step, self.note)
        return captured.group

    def _captured_group(self, group: Group) -> CapturedGroup:
        """Return the captured group whose buffers hold this group. Without one, copy the group into new buffers."""
        if self._captured is None or (group is not self._captured.group and group is not self._captured.source):
            self._captured = None  # free the memory of the last captured group first
            self._captured = CapturedGroup(self.step, group, self.make_capture())
        return self._captured


def _note(why: str) -> str:
    return f"not captured as a CUDA graph, and therefore slower: {why}; `grokbench check` says where"
