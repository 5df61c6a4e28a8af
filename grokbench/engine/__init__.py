"""The training engine: the replicas of a cell train together on a device until each has its outcome.

loop            the training loop of a group: evaluate, stop replicas, train further
stopping        the stopping rule of one replica
executors       how a group is trained from one evaluation to the next: eagerly, by flat graphs, or by CUDA graphs
flat_executor   training and evaluation by flat graphs, on a CPU
flat_function   a function that is recorded as a flat graph, checked and replaced by it
flat_graph      the recording of a function's operations; `graph_passes` simplifies them
compiled_executor, compiled_function, compiled_graph
                training and evaluation by compiled flat graphs; `decompositions` of fused optimizers
capture         training and evaluation by CUDA graphs
epochs          one epoch of a group
batches         the batches and keys of an epoch
gradients       the gradients of a step
updates         transforms, the optimizer and projections of a step
evaluation      one evaluation of a group
groups          replicas stacked on a leading axis
initialisation  the group before training
checkpoints     the state of a group on disk
weights         the weights of replicas, as files
group_size      how many replicas fit on a device
timing          seconds per epoch of a replica trained alone
profiling       seconds per phase
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from grokbench.engine.batches import epoch_batches
from grokbench.engine.checkpoints import CheckpointFile
from grokbench.engine.epochs import train_epoch
from grokbench.engine.evaluation import evaluate, measure
from grokbench.engine.executors import make_executor
from grokbench.engine.gradients import context_axes
from grokbench.engine.group_size import estimated_group_size, measured_group_size, replica_size
from grokbench.engine.groups import DTYPES, Group, synchronize
from grokbench.engine.initialisation import start
from grokbench.engine.loop import TrainingLoop
from grokbench.engine.out_of_memory import exhausted, release
from grokbench.engine.weights import kept_weights
from grokbench.events import KeptWeights, Progress
from grokbench.records import Cell, Run
from grokbench.records.activity import ACTIVITY
from grokbench.step import Step

__all__ = [
    "DTYPES",
    "REVISION",
    "Group",
    "epoch_batches",
    "evaluate",
    "estimated_group_size",
    "context_axes",
    "measure",
    "start",
    "synchronize",
    "train",
    "train_epoch",
    "measured_group_size",
    "replica_size",
]

REVISION = 2  # increase it whenever a change of the code changes the numbers of any replica


def train(
    cell: Cell,
    step: Step,
    seeds: Sequence[int],
    device: str,
    dtype: torch.dtype,
    provenance: Mapping[str, Any] | None = None,
    checkpoint_file_of: Callable[[Sequence[int]], CheckpointFile] | None = None,
    compiled: bool = False,
) -> Iterator[Run | KeptWeights | Progress]:
    """Train a group of replicas.

    If memory runs out, the unfinished replicas are trained again in two halves. `Run.group` names the half.

    Args:
        cell: the cell that the replicas belong to.
        step: the cell's step, see `build_step`.
        seeds: one for each replica.
        device: "cpu", or a CUDA device such as "cuda:0".
        dtype: the dtype of parameters, data and states.
        provenance: kept with every run.
        checkpoint_file_of: seeds of a group -> its checkpoint file. An interrupted group resumes from this file, with
            the same curves as without an interruption. None: no checkpoints.
        compiled: True to train by compiled code, on a CPU.

    Yields:
        The progress at every evaluation, and, as soon as a replica is done, the weights that the cell keeps and then
        the replica's run. When the process is asked to stop (`ACTIVITY.stopping`), a checkpoint is written and the
        rest is not trained.

    Raises:
        CompilationError: torch's compiler failed.
        Exception: an error of a plugin, or torch's error if even a group of two does not fit into memory.
    """
    left, checkpoint_file = list(seeds), checkpoint_file_of(seeds) if checkpoint_file_of else None
    try:
        for event in _train_together(cell, step, seeds, device, dtype, provenance, checkpoint_file, compiled):
            left = [seed for seed in left if not isinstance(event, Run) or seed != event.seed]
            yield event
        return
    except Exception as error:
        if len(left) <= 2 or not exhausted(error):
            raise
    if checkpoint_file:
        checkpoint_file.clear()
    release(device)  # not in the `except` block, because the traceback there keeps the tensors alive
    for half in (left[: len(left) // 2], left[len(left) // 2 :]):
        if not ACTIVITY.stopping:
            yield from train(cell, step, half, device, dtype, provenance, checkpoint_file_of, compiled)


def _train_together(
    cell: Cell,
    step: Step,
    seeds: Sequence[int],
    device: str,
    dtype: torch.dtype,
    provenance: Mapping[str, Any] | None,
    checkpoint_file: CheckpointFile | None,
    compiled: bool,
) -> Iterator[Run | KeptWeights | Progress]:
    executor = make_executor(step, device, compiled=compiled)
    loop = TrainingLoop.begin(cell, step, executor, seeds, device, dtype, checkpoint_file)
    provenance = {**(provenance or {}), **({"data": loop.data} if loop.data else {})}
    while loop.monitors:
        if checkpoint_file:
            checkpoint_file.write_if_due(loop.checkpoint, now=ACTIVITY.stopping)
        if ACTIVITY.stopping:
            return
        if loop.between_evaluations:
            loop.advance()
            continue
        for evaluation in loop.evaluate():
            known = {**provenance, **({"pace": executor.note} if executor.note else {})}
            facts = {"prepare_seconds": loop.prepare_seconds, "group": tuple(seeds), "provenance": known}
            monitors = dict(loop.monitors)
            finished = list(loop.read_back(evaluation))
            if cell.weights:
                yield from kept_weights(cell, step, evaluation.group, evaluation.epoch, monitors)
            yield from (monitor.run(cell.identity, **facts) for monitor in finished)
            yield Progress(cell, tuple(seeds), evaluation.epoch, len(loop.monitors))
            if not loop.monitors:
                break
        if loop.monitors:
            del evaluation  # it would keep the group that `drop_finished` replaces in memory
            loop.drop_finished()
            loop.advance()
    if checkpoint_file:
        checkpoint_file.clear()
