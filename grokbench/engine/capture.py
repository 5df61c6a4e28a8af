"""A captured group: buffers that hold its replicas, and CUDA graphs that train and evaluate them in place.

With such small networks, a GPU waits for its host to launch kernels, and a graph needs only one launch. A graph holds
an epoch with its smaller last batch, or GRAPH_STEPS steps of a long epoch. The graph reads the epoch's number from a
tensor, and overwrites the old state with the new one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.engine.batches import Draws, draw
from grokbench.engine.cuda_graphs import Capture, Replay, first_cause
from grokbench.engine.epochs import train_epoch, train_steps
from grokbench.engine.evaluation import measure
from grokbench.engine.gradients import LookaheadGradients, look_ahead
from grokbench.engine.groups import TRAINING_STATE, Group, copy_training_state
from grokbench.engine.out_of_memory import exhausted
from grokbench.records.activity import ACTIVITY
from grokbench.step import Step

__all__ = ["GRAPH_STEPS", "CapturedGroup"]

GRAPH_STEPS = (
    32  # steps of a graph, each of tens to hundreds of kernels; a shorter epoch than two such graphs is one graph
)


@dataclass
class _Lookahead:
    """The next step's gradients, and the outputs that evaluations share with them; only with full batches.

    Attributes:
        pending: the gradients; None with mini-batches.
        known: split -> outputs (replicas, n, C).
    """

    pending: LookaheadGradients | None = None
    known: Mapping[str, Tensor] = field(default_factory=dict)


class CapturedGroup:
    """A group in buffers that CUDA graphs train in place.

    Attributes:
        group: the buffers.
        source: the group that the buffers were copied from; None once the buffers have been trained.
        note: why a part runs eagerly; empty if no part does.
    """

    def __init__(self, step: Step, group: Group, capture: Capture) -> None:
        """Copy a group into buffers.

        Args:
            step: the cell's step.
            group: the replicas, which stay unchanged.
            capture: captures a function without arguments, see `GraphCapture`.
        """
        self.step, self.capture, self.note = step, capture, ""
        self.source: Group | None = group
        self.group = replace(group, **copy_training_state(group))
        self._epoch, self._replays = (torch.zeros((), dtype=torch.int64, device=group.keys.device) for _ in range(2))
        self._tables: dict[tuple[str, ...], tuple[Tensor, Replay]] = {}
        self._ahead = _Lookahead()
        self._look_ahead: Replay | None = None  # None if gradients and evaluations share nothing
        self._looked_ahead = False  # whether `_ahead` was computed from the current buffers
        self._epoch_graphs: list[Replay] = []  # the graphs of an epoch, in order, after `_look_ahead`
        if step.full_batch and not (step.has("perturb") or step.has("hidden")):
            self._capture_look_ahead()

    def evaluate(self, labels: tuple[str, ...], epoch: int) -> Tensor:
        """Evaluate the buffers, without waiting for the device.

        Args:
            labels: the labels of the metrics.
            epoch: completed epochs.

        Returns:
            A table (replicas, labels + 1): the metrics, and last whether all losses so far were finite.
        """
        self._epoch.fill_(epoch)
        self._replay_look_ahead()
        if labels not in self._tables:
            self._tables[labels] = self._capture_table(labels)
        table, replay = self._tables[labels]
        replay()
        return table.clone()

    def train(self, epoch: int, until: int) -> None:
        """Train the buffers from `epoch` completed epochs to `until`.

        Raises:
            Exception: the epoch cannot be captured; the buffers are then unchanged.
        """
        self._epoch_graphs = self._epoch_graphs or self._capture_epoch()
        self._epoch.fill_(epoch)
        self.source = None
        for _ in range(epoch, until):
            self._replay_look_ahead()
            for replay in self._epoch_graphs:
                ACTIVITY.steps += 1
                replay()
            self._looked_ahead = False

    def _replay_look_ahead(self) -> None:
        if self._look_ahead and not self._looked_ahead:
            self._look_ahead()
            self._looked_ahead = True

    def _capture_look_ahead(self) -> None:
        """Capture `look_ahead`. If that fails, capturing the epoch fails too and reports the reason."""
        step, group, epoch, ahead = self.step, self.group, self._epoch, self._ahead

        def look() -> None:
            ahead.pending, ahead.known = look_ahead(step, group, epoch)

        try:
            self._look_ahead = self._capture_checked(look)
        except Exception as error:
            if exhausted(error):
                raise
            self._ahead = _Lookahead()

    def _capture_table(self, labels: Sequence[str]) -> tuple[Tensor, Replay]:
        """Capture the metrics. If a metric cannot be captured, all metrics are measured eagerly."""
        step, group, epoch, ahead = self.step, self.group, self._epoch, self._ahead
        table = torch.zeros(len(group.keys), len(labels) + 1, dtype=torch.float64, device=group.keys.device)

        def write() -> None:
            table.copy_(measure(step, group, labels, epoch, ahead.known))

        try:
            return table, self._capture_checked(write)
        except Exception as error:  # a plugin may raise anything
            if exhausted(error):
                raise
            self.note = first_cause(error)
            return table, write

    def _capture_epoch(self) -> list[Replay]:
        """Capture the graphs of an epoch, in order, and restore the buffers, which the warm-ups change."""
        before = copy_training_state(self.group)
        try:
            long = self.step.task.steps >= 2 * GRAPH_STEPS
            return self._capture_segments() if long else [self._capture_whole_epoch()]
        finally:
            _write_back(self.group, replace(self.group, **before))
            self._looked_ahead = False  # because an optimizer may have overwritten the gradients during the warm-ups

    def _capture_whole_epoch(self) -> Replay:
        step, group, epoch, ahead = self.step, self.group, self._epoch, self._ahead

        def whole() -> None:
            _write_back(group, train_epoch(step, group, epoch, ahead.pending))
            epoch.add_(1)

        return self._capture_checked(whole)

    def _capture_segments(self) -> list[Replay]:
        """Capture the draws of an epoch, a segment of GRAPH_STEPS steps, and the last steps with the smaller batch."""
        step, group, epoch, steps = self.step, self.group, self._epoch, self.step.task.steps
        drawn, number, segments = draw(step, group, 0), torch.zeros_like(epoch), (steps - 1) // GRAPH_STEPS

        def opening() -> None:
            _copy(drawn, draw(step, group, epoch))
            number.zero_()

        def segment() -> None:
            _write_back(group, train_steps(step, group, epoch, drawn, [number + i for i in range(GRAPH_STEPS)]))
            number.add_(GRAPH_STEPS).remainder_(segments * GRAPH_STEPS)  # the warm-ups would count too far

        def closing() -> None:
            _write_back(group, train_steps(step, group, epoch, drawn, range(segments * GRAPH_STEPS, steps)))
            epoch.add_(1)

        first, middle, last = (self._capture_checked(function) for function in (opening, segment, closing))
        return [first, *[middle] * segments, last]

    def _capture_checked(self, function: Callable[[], None]) -> Replay:
        """Capture a function and replay it once, to detect a capture that did not record the function's kernels.

        Raises:
            RuntimeError: the replay does nothing.
            Exception: the error of the capture.
        """
        replays = self._replays

        def counted() -> None:
            function()
            replays.add_(1)

        replay = self.capture(counted)
        replays.zero_()
        replay()
        if int(replays) != 1:
            raise RuntimeError("the captured graph is empty")
        return replay


def _copy(buffers: Draws, drawn: Draws) -> None:
    for buffer, value in zip(pytree.tree_leaves(buffers), pytree.tree_leaves(drawn), strict=True):
        buffer.copy_(value)


@torch.no_grad()
def _write_back(buffers: Group, after: Group) -> None:
    """Copy the state after an epoch into the buffers."""
    for name in TRAINING_STATE:
        old, new = (pytree.tree_leaves(getattr(group, name)) for group in (buffers, after))
        moved = [(buffer, value) for buffer, value in zip(old, new, strict=True) if buffer is not value]
        held = {buffer.untyped_storage().data_ptr() for buffer in old}  # a method may have swapped two states
        values = [v.clone() if v.untyped_storage().data_ptr() in held else v for _, v in moved]
        for (buffer, _), value in zip(moved, values, strict=True):
            buffer.copy_(value)
