"""The number of replicas of a cell that train together: the memory of one, and that of the device."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.engine.batches import draw
from grokbench.engine.epochs import look_ahead, measure, train_steps
from grokbench.engine.groups import moving, start
from grokbench.engine.out_of_memory import exhausted, release
from grokbench.step import Step
from grokbench.task import Task
from grokbench.types import Params

__all__ = ["LARGEST_GROUP", "Size", "fitting", "estimated_group_size", "measured_group_size", "replica_size"]

T = TypeVar("T")

# Replicas: enough to share the cost of launching operations. On a CPU, 25 seeds are two groups, and no core waits long.
# Groups of 7 pass on more of a full batch in the cache, and gained 4 to 15% in one process; with a worker per core they
# lost as much as they gained (sparse parity 0.95 to 1.04 times as fast, XOR 0.82 to 1.00).
LARGEST_GROUP = {"cpu": 13, "cuda": 32}
CPU_MEMORY = 2**30  # bytes for the replicas of a group: as many groups as cores train at once
CLOSE = 4  # an estimate is sure where so many of the largest groups would fit


def replica_size(task: Task) -> tuple[Params, int]:
    """The parameters of a replica on the meta device, and the count of numbers in its own data (0 if in files)."""
    params = {name: p.to("meta") for name, p in _sized(task.init).items()}
    drawn = _sized(task.splits) if task.fetch is None else {}
    return params, sum(tensor.numel() for tensor in pytree.tree_leaves(drawn))


def _sized(draw: Callable[[Tensor], T]) -> T:
    """Draw from a task for the shapes, on the meta device where its operations allow that."""
    try:
        return draw(random.key(0, "meta"))
    except Exception:
        return draw(random.key(0))


class Size(NamedTuple):
    """The number of replicas to train together.

    Attributes:
        replicas: the number.
        sure: whether they surely fit; otherwise `measured_group_size` should be asked.
    """

    replicas: int
    sure: bool


def estimated_group_size(
    step: Step, size: tuple[Params, int], device: str, dtype: torch.dtype, memory_fraction: float = 1.0
) -> Size:
    """Estimate the group size from the numbers that a replica keeps.

    Args:
        step: the cell's step.
        size: the result of `replica_size`.
        device: to train on.
        dtype: of parameters, data and states.
        memory_fraction: the share of a CUDA device's memory that the group may take.
    """
    bytes_each, kind = _bytes(step, size, dtype), torch.device(device).type
    room = _room(device, memory_fraction)
    return Size(_clamped(room // bytes_each, kind), kind == "cpu" or CLOSE * LARGEST_GROUP[kind] * bytes_each <= room)


def measured_group_size(step: Step, device: str, dtype: torch.dtype, memory_fraction: float) -> int:
    """Measure the group size on a CUDA device, from the peak memory of groups of two and of four."""
    return _clamped(fitting(_room(device, memory_fraction), partial(_peak, step, device, dtype)), "cuda")


def _room(device: str, memory_fraction: float) -> int:
    """The memory that a group may take, in bytes."""
    if device == "cpu":
        return CPU_MEMORY
    return int(memory_fraction * torch.cuda.get_device_properties(device).total_memory)


def _clamped(replicas: int, kind: str) -> int:
    return max(2, min(LARGEST_GROUP[kind], replicas))


def _bytes(step: Step, size: tuple[Params, int], dtype: torch.dtype) -> int:
    """The bytes that a replica keeps from step to step, with the activations that the task declares."""
    params, data = size
    weights = sum(p.numel() for p in params.values())
    states = sum(tensor.numel() for tensor in pytree.tree_leaves(step.init(params)))
    batch = min(step.task.batch_size or step.task.train_size, step.task.train_size)
    # 4: parameters, gradients, two moments
    return dtype.itemsize * (4 * weights + states + data + batch * step.task.activations)


def fitting(room: int, peak: Callable[[int], int]) -> int:
    """The replicas that fit into `room` bytes, extrapolated from the `peak` of two and of four; 2 if four do not."""
    try:
        two, four = peak(2), peak(4)
    except Exception as error:
        if not exhausted(error):
            raise
        return 2
    each = max(1, (four - two) // 2)
    return 2 + (room - two) // each


def _peak(step: Step, device: str, dtype: torch.dtype, replicas: int) -> int:
    """The peak bytes of a step and an evaluation of so many replicas, with the buffers that a capture adds."""
    release(device)
    torch.cuda.reset_peak_memory_stats(device)
    group, _ = start(step, range(replicas), device, dtype)
    copies = [moving(group) for _ in range(2)]  # the buffers, and the copy that warming up is undone from
    pending, known = look_ahead(step, group, 0)
    measure(step, group, list(step.metrics), 0, known)
    train_steps(step, group, 0, draw(step, group, 0), [0], pending)
    torch.cuda.synchronize(device)
    del copies
    return torch.cuda.max_memory_allocated(device)
