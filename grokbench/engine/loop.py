"""The training loop of a group: train to an evaluation, read it back, drop the replicas that have their outcome."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.criterion import parse_condition
from grokbench.data.digests import recording
from grokbench.engine.checkpoints import Checkpoint, CheckpointFile
from grokbench.engine.crossings import CrossingsMonitor, margins
from grokbench.engine.evaluation import measure
from grokbench.engine.executors import Executor
from grokbench.engine.gradients import LookaheadGradients
from grokbench.engine.groups import Group, ladder, select_replicas, shrink
from grokbench.engine.initialisation import start
from grokbench.engine.stopping import StoppingMonitor
from grokbench.records import Cell
from grokbench.records.activity import ACTIVITY
from grokbench.step import Step

__all__ = ["Evaluation", "TrainingLoop"]

KEPT_BYTES = 2**30  # most bytes of parameters that evaluations may hold until they are read back


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a group after an epoch; the device may still be computing it.

    Attributes:
        epoch: completed epochs.
        due: labels of the metrics in `table`.
        others: labels of the metrics that are not due; they are measured only if a replica finishes here.
        table: (replicas, due + 1), see `measure`.
        known: split -> outputs (replicas, n, C) that were computed before.
        group: the replicas at this epoch.
    """

    epoch: int
    due: tuple[str, ...]
    others: tuple[str, ...]
    table: Tensor
    known: Mapping[str, Tensor]
    group: Group

    def kept(self, with_states: bool, snapshot: bool = False) -> "Evaluation":
        """Copy what measuring `others` and storing weights may need, because training overwrites the group.

        Args:
            with_states: whether to copy the methods' states, too.
            snapshot: whether weights may be kept at this epoch; the parameters are then copied in any case.
        """
        needed = bool(self.others) or snapshot
        params = {name: p.clone() for name, p in self.group.params.items()} if needed else {}
        states = pytree.tree_map(torch.clone, self.group.states) if needed and with_states else ()
        return replace(self, group=replace(self.group, params=params, optimizer=(), states=states))


@dataclass
class TrainingLoop:
    """A group in training, with a stopping monitor for each replica that has no outcome yet.

    Attributes:
        cell: the cell of the replicas.
        step: the cell's step.
        executor: trains and evaluates the group.
        group: the replicas; rows without a monitor only keep the group at one of its sizes.
        monitors: row of the group -> monitor.
        epoch: completed epochs.
        prepare_seconds: seconds of the phase `prepare`, per replica.
        data: data set -> digest of the content that the group read.
        pending: the next step's gradients, if the last evaluation computed them.
    """

    cell: Cell
    step: Step
    executor: Executor
    group: Group
    monitors: dict[int, StoppingMonitor]
    epoch: int
    prepare_seconds: float
    data: Mapping[str, str] = field(default_factory=dict)
    pending: LookaheadGradients | None = None

    @classmethod
    def begin(
        cls,
        cell: Cell,
        step: Step,
        executor: Executor,
        seeds: Sequence[int],
        device: str,
        dtype: torch.dtype,
        checkpoint_file: CheckpointFile | None,
    ) -> "TrainingLoop":
        """Resume a group from its checkpoint, or initialise it if no checkpoint can be used.

        Args:
            cell: the cell of the replicas.
            step: the cell's step.
            executor: trains and evaluates the group.
            seeds: one for each replica; a single replica is trained twice, since a group has at least two rows.
            device: "cpu", or a CUDA device such as "cuda:0".
            dtype: the dtype of parameters, data and states.
            checkpoint_file: None means no checkpoints.
        """
        checkpoint = checkpoint_file.read() if checkpoint_file else None
        if checkpoint and (resumed := cls._resume(cell, step, executor, checkpoint, device, dtype)):
            return resumed
        padded = seeds if len(seeds) > 1 else [*seeds, *seeds]
        with recording() as data:
            group, prepare_seconds = start(step, padded, device, dtype)
        hold, allowed = cell.recipe.hold, margins(cell, group.examples)
        monitors = {
            row: _monitor(cell, seed, crossings=CrossingsMonitor(hold, allowed)) for row, seed in enumerate(seeds)
        }
        return cls(cell, step, executor, group, monitors, 0, prepare_seconds, data)

    @classmethod
    def _resume(
        cls, cell: Cell, step: Step, executor: Executor, checkpoint: Checkpoint, device: str, dtype: torch.dtype
    ) -> "TrainingLoop | None":
        """Resume a group; None if its data have changed, shapes or dtypes differ, or it is past the last epoch."""
        if checkpoint.epoch > cell.last_epoch:
            return None
        with recording() as data:
            group, _ = start(step, checkpoint.seeds, device, dtype)
        restored = checkpoint.restore(group) if data == checkpoint.data else None
        if restored is None:
            return None
        monitors = {row: _monitor(cell, checkpoint.seeds[row], **facts) for row, facts in checkpoint.monitors.items()}
        return cls(cell, step, executor, restored, monitors, checkpoint.epoch, checkpoint.prepare_seconds, data)

    def checkpoint(self) -> Checkpoint:
        """Take a checkpoint of the group."""
        return Checkpoint.of(self.group, self.monitors, self.epoch, self.prepare_seconds, self.data)

    def evaluate(self) -> list[Evaluation]:
        """Evaluate the group, then train and evaluate further until the executor has to read evaluations back."""
        evaluations = [self._evaluate()]
        for _ in range(self._evaluations_between_reads() - 1):
            if self.epoch < self.cell.last_epoch:
                snapshot = self.cell.weights.final or self.epoch in self.cell.weights.epochs
                evaluations[-1] = evaluations[-1].kept(self.step.has("eval_params"), snapshot)
                self.advance(stoppable=False)
                evaluations.append(self._evaluate())
        return evaluations

    def read_back(self, evaluation: Evaluation) -> Iterator[StoppingMonitor]:
        """Copy the evaluation to the host, record its metrics, and yield the replicas that finished.

        Each finished replica is yielded as its monitor, which is removed from `monitors`.
        """
        epoch, table, monitors = evaluation.epoch, evaluation.table.tolist(), self.monitors
        values = [dict(zip(evaluation.due, row, strict=False)) for row in table]
        done = [row for row, monitor in monitors.items() if monitor.judge(epoch, values[row], bool(table[row][-1]))]
        rest = self._measure_others(evaluation) if done else []
        for row, monitor in monitors.items():
            last = dict(zip(evaluation.others, rest[row], strict=False)) if rest and row in done else {}
            monitor.record(epoch, values[row] | last)
        yield from (monitors.pop(row) for row in done)

    def _measure_others(self, evaluation: Evaluation) -> list[list[float]]:
        """Measure the metrics that were not due, for every row; empty if all metrics were due."""
        labels = evaluation.others
        if not labels:
            return []
        table = measure(self.step, evaluation.group, labels, evaluation.epoch, evaluation.known)
        rows: list[list[float]] = table.tolist()
        return rows

    def drop_finished(self) -> None:
        """Shrink the group to the smallest size of its ladder that holds the replicas still in training."""
        rungs = ladder(len(self.group.seeds), self.group.keys.device.type, self.executor.few_sizes)
        size = min(size for size in rungs if size >= len(self.monitors))
        if size < len(self.group.seeds):
            spare = [row for row in range(len(self.group.seeds)) if row not in self.monitors]
            rows = [*self.monitors, *spare][:size]
            self.group = shrink(self.group, rows)
            self.monitors = {row: self.monitors[old] for row, old in enumerate(rows) if old in self.monitors}
            self.pending = select_replicas(self.pending, rows) if self.pending else None

    def advance(self, stoppable: bool = True) -> None:
        """Train to the next evaluation; at least one epoch.

        Args:
            stoppable: end after the first epoch if the process was asked to stop.
        """
        while True:
            pending, self.pending = self.pending, None
            self.group = self.executor.advance(self.group, self.epoch, self.epoch + 1, pending)
            self.epoch += 1
            if not self.between_evaluations or (stoppable and ACTIVITY.stopping):
                return

    @property
    def between_evaluations(self) -> bool:
        """True if training was stopped between two evaluations, so that the present epoch has none."""
        return self.epoch % self.cell.evaluate_every != 0 and self.epoch != self.cell.last_epoch

    def _evaluate(self) -> Evaluation:
        metrics, every = self.step.metrics, self.cell.evaluate_every
        due = tuple(label for label in metrics if self.step.due(label, self.epoch, every))
        others = tuple(label for label in metrics if label not in due)
        table, self.pending, known = self.executor.evaluate(self.group, due, self.epoch)
        return Evaluation(self.epoch, due, others, table, known, self.group)

    def _evaluations_between_reads(self) -> int:
        """Return the number of evaluations between two reads, limited by the memory of kept parameters."""
        size = sum(p.numel() * p.element_size() for p in self.group.params.values())
        steps = self.step.task.steps * self.cell.evaluate_every
        return min(self.executor.steps_between_reads // steps, KEPT_BYTES // size)


def _monitor(cell: Cell, seed: int, **so_far: Any) -> StoppingMonitor:
    conditions = {label: parse_condition(text) for label, text in cell.recipe.grokked.items()}
    return StoppingMonitor(seed, conditions, cell.recipe.stop, cell.budget, **so_far)
