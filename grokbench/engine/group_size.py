"""The group size of a cell, from the memory of a replica and the memory of the device."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from grokbench import random
from grokbench.engine.batches import draw
from grokbench.engine.epochs import train_steps
from grokbench.engine.evaluation import measure
from grokbench.engine.gradients import look_ahead
from grokbench.engine.groups import copy_training_state
from grokbench.engine.initialisation import start
from grokbench.engine.out_of_memory import exhausted, release
from grokbench.resources import CPU_MEMORY, group_memory
from grokbench.step import Step
from grokbench.task import Task
from grokbench.types import Params

__all__ = ["LARGEST_GROUP", "Size", "fitting", "estimated_group_size", "measured_group_size", "replica_size"]

T = TypeVar("T")

# The largest number of replicas in a group: enough to share the cost of launching operations. On a CPU, 25 seeds make
# two groups, so that no core waits long for another. Groups of 7 keep more of a full batch in the cache, and were 4 to
# 15% faster in a single process. With a worker on every core they were not faster: sparse parity trained at 0.95 to
# 1.04 times the speed of groups of 13, XOR at 0.82 to 1.00 times.
LARGEST_GROUP = {"cpu": 13, "cuda": 32}
DRAWN = 100_000_000  # most numbers that operations may compute to find shapes: a tenth of a second or two
CLOSE = 4  # an estimate is certain if the memory holds at least this many groups of the largest size


def replica_size(task: Task) -> tuple[Params, int]:
    """Return the size of a task's replica.

    Returns:
        The parameters, on the meta device if the task is large; and the count of numbers in the data of a replica,
        which is 0 for data from files, because replicas share these.
    """
    params = _sized(task.init)
    drawn = _sized(task.splits) if task.fetch is None else {}
    return params, sum(tensor.numel() for tensor in pytree.tree_leaves(drawn))


def _sized(draw: Callable[[Tensor], T]) -> T:
    """Draw from a task to find the shapes; a large task on the meta device, if its operations support it.

    Arithmetic on the meta device imports torch's compiler, which takes longer than most tasks take to draw.
    """
    for device, limit in (("cpu", _Limit()), ("meta", nullcontext())):
        try:
            with limit:
                return draw(random.key(0, device))
        except Exception:  # the last attempt raises the error of a faulty task again
            continue
    return draw(random.key(0))


class _LargeTaskError(Exception):
    """Operations have computed more than DRAWN numbers."""


class _Limit(TorchDispatchMode):
    """A mode that raises _LargeTaskError once operations have computed more than DRAWN numbers."""

    computed = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from wrapping `__torch_dispatch__`: the wrapper imports its compiler."""
        return False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.computed += sum(leaf.numel() for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor))
        if self.computed > DRAWN:
            raise _LargeTaskError
        return result


class Size(NamedTuple):
    """An estimated group size.

    Attributes:
        replicas: the number of replicas to train together.
        sure: True if the replicas certainly fit; otherwise `measured_group_size` decides.
    """

    replicas: int
    sure: bool


def estimated_group_size(
    step: Step, size: tuple[Params, int], device: str, dtype: torch.dtype, memory_fraction: float = 1.0
) -> Size:
    """Estimate the group size from the count of numbers that a replica keeps.

    Args:
        step: the cell's step.
        size: the result of `replica_size`.
        device: the device to train on.
        dtype: the dtype of parameters, data and states.
        memory_fraction: the share of a CUDA device's memory that the group may take.
    """
    bytes_each, kind = _bytes(step, size, dtype), torch.device(device).type
    memory = _memory(device, memory_fraction)
    sure = kind == "cpu" or CLOSE * LARGEST_GROUP[kind] * bytes_each <= memory
    return Size(_clamped(memory // bytes_each, kind), sure)


def measured_group_size(step: Step, device: str, dtype: torch.dtype, memory_fraction: float) -> int:
    """Measure the group size on a CUDA device, from the peak memory of groups of two and of four.

    Args:
        step: the cell's step.
        device: a CUDA device.
        dtype: the dtype of parameters, data and states.
        memory_fraction: the share of the device's memory that the group may take.
    """
    return _clamped(fitting(_memory(device, memory_fraction), partial(_peak, step, device, dtype)), "cuda")


def _memory(device: str, memory_fraction: float) -> int:
    """Return the memory for a group, in bytes."""
    if device == "cpu":
        return group_memory(CPU_MEMORY)
    return int(memory_fraction * torch.cuda.get_device_properties(device).total_memory)


def _clamped(replicas: int, kind: str) -> int:
    return max(2, min(LARGEST_GROUP[kind], replicas))


def _bytes(step: Step, size: tuple[Params, int], dtype: torch.dtype) -> int:
    """Estimate the bytes of a replica: its state, its data, and the activations that the task declares."""
    params, data = size
    weights = sum(p.numel() for p in params.values())
    key = random.key(0, next(iter(params.values())).device)
    states = sum(tensor.numel() for tensor in pytree.tree_leaves(step.init(params, key)))
    batch = min(step.task.batch_size or step.task.train_size, step.task.train_size)
    # four tensors per parameter: itself, its gradient, two moments
    return dtype.itemsize * (4 * weights + states + data + batch * step.task.activations)


def fitting(memory: int, peak: Callable[[int], int]) -> int:
    """Extrapolate the number of replicas that fit into memory from the peaks of groups of two and of four.

    Args:
        memory: the memory for the group, in bytes.
        peak: replicas -> the peak memory of a group of that size, in bytes.

    Returns:
        The replicas; 2 if a group of four does not fit.
    """
    try:
        two, four = peak(2), peak(4)
    except Exception as error:
        if not exhausted(error):
            raise
        return 2
    each = max(1, (four - two) // 2)
    return 2 + (memory - two) // each


def _peak(step: Step, device: str, dtype: torch.dtype, replicas: int) -> int:
    """Measure the peak bytes of a step and an evaluation of a group, with the copies that a captured group needs."""
    release(device)
    torch.cuda.reset_peak_memory_stats(device)
    group, _ = start(step, range(replicas), device, dtype)
    copies = [copy_training_state(group) for _ in range(2)]  # the buffers, and the state to restore after warm-ups
    pending, known = look_ahead(step, group, 0)
    measure(step, group, list(step.metrics), 0, known)
    train_steps(step, group, 0, draw(step, group, 0), [0], pending)
    torch.cuda.synchronize(device)
    del copies
    return torch.cuda.max_memory_allocated(device)
