"""Weights of a replica, written to and read from a file in the format safetensors.

A file holds every trained and every frozen parameter. If a method evaluates averaged weights, the file also holds the
averages, under names that begin with EVALUATED. Its metadata has one key, "grokbench", whose value is JSON.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from grokbench.engine.groups import Group
from grokbench.engine.mapping import over_replicas
from grokbench.engine.stopping import StoppingMonitor
from grokbench.events import KeptWeights
from grokbench.records import Cell
from grokbench.step import Step
from grokbench.types import Params

__all__ = ["EVALUATED", "kept_weights", "read_weights"]

EVALUATED = "evaluated/"
ROTATED = "rotated: inputs and the parameters that meet them, from the same seed up to rounding, see the task"
NOT_ROTATED = "as the task draws its data"


@torch.no_grad()
def kept_weights(
    cell: Cell, step: Step, group: Group, epoch: int, monitors: Mapping[int, StoppingMonitor]
) -> Iterator[KeptWeights]:
    """Yield the weights that a cell keeps after an evaluation, and record their digests in the monitors.

    Args:
        cell: the cell of the replicas.
        step: the cell's step.
        group: the replicas at this epoch, with their states if a method evaluates averaged weights.
        epoch: completed epochs.
        monitors: row of the group -> monitor, for the replicas that trained until this evaluation; already judged.
    """
    wanted = [row for row, monitor in monitors.items() if _wanted(cell, monitor, epoch)]
    if not wanted:
        return
    tensors = dict(group.params)
    if step.has("eval_params"):
        evaluated = over_replicas(step, step.evaluated)(group.params, group.states)
        tensors |= {f"{EVALUATED}{name}": p for name, p in evaluated.items()}
    for row in wanted:
        own = {name: p[row].detach().cpu().contiguous() for name, p in tensors.items()}
        about = json.dumps(_about(cell, step, monitors[row].seed, epoch))
        content = save(own, metadata={"grokbench": about})
        monitors[row].weights[epoch] = hashlib.sha256(content).hexdigest()
        yield KeptWeights(cell.identity, monitors[row].seed, epoch, content)


def _wanted(cell: Cell, monitor: StoppingMonitor, epoch: int) -> bool:
    ended = monitor.outcome is not None
    return epoch in cell.weights.epochs or (ended and cell.weights.final)


def _about(cell: Cell, step: Step, seed: int, epoch: int) -> dict[str, Any]:
    """Describe a file, as JSON data."""
    return {
        "task": cell.recipe.task.name,
        "regularizers": [use.name for use in cell.recipe.regularizers],
        "identity": cell.identity,
        "seed": seed,
        "epoch": epoch,
        "frozen": sorted(step.task.frozen),
        "evaluated": f"beside them, under names that begin with {EVALUATED}"
        if step.has("eval_params")
        else "the same as the trained ones",
        "coordinates": ROTATED if step.task.full else NOT_ROTATED,
    }


def read_weights(content: bytes, evaluated: bool) -> Params:
    """Read the parameters of a file.

    Args:
        content: the content of the file.
        evaluated: return the parameters that evaluations use; otherwise the trained parameters.

    Returns:
        Name -> value, on the CPU, frozen parameters included.

    Raises:
        ValueError: the content is not that of a file of weights.
    """
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    raw = {name: p for name, p in tensors.items() if not name.startswith(EVALUATED)}
    seen = {name.removeprefix(EVALUATED): p for name, p in tensors.items() if name.startswith(EVALUATED)}
    return raw | seen if evaluated else raw
