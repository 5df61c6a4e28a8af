"""How many replicas of a cell train together: what one weighs, and what a device holds."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.epochs import draw, measure, train_steps
from grokbench.groups import moving, start
from grokbench.memory import SPARE, exhausted, release
from grokbench.step import Step
from grokbench.types import Params, Task

__all__ = ["LARGEST_GROUP", "fitting", "group_size", "weigh"]

T = TypeVar("T")

# Replicas: enough to share the cost of launching operations. On a CPU, 25 seeds are two groups, and no core waits long.
LARGEST_GROUP = {"cpu": 13, "cuda": 32}
CPU_MEMORY = 2**30  # bytes for the replicas of a group: as many groups as cores train at once
CLOSE = 4  # a group by its weight fits, and nothing is measured, if so many would


def weigh(task: Task) -> tuple[Params, int]:
    """The parameters of a replica without their values, and the numbers in its own data (0 where files hold it)."""
    params = {name: p.to("meta") for name, p in _sized(task.init).items()}
    drawn = _sized(task.splits) if task.fetch is None else {}
    return params, sum(tensor.numel() for tensor in pytree.tree_leaves(drawn))


def _sized(draw: Callable[[Tensor], T]) -> T:
    """What a task draws, for its shapes: without values where its operations allow that."""
    try:
        return draw(random.key(0, "meta"))
    except Exception:
        return draw(random.key(0))


def group_size(step: Step, weight: tuple[Params, int], device: str, dtype: torch.dtype, sharing: int = 1) -> int:
    """Replicas to train together on a device that so many workers share.

    By what the task and the methods of a replica weigh; on CUDA, where that comes close to the device's memory, by what
    groups of two and of four are found to hold.
    """
    size, kind = _bytes(step, weight, dtype), torch.device(device).type
    if kind == "cpu":
        return _clamped(CPU_MEMORY // size, kind)
    room = int((1.0 - SPARE) * torch.cuda.get_device_properties(device).total_memory) // sharing
    if CLOSE * LARGEST_GROUP[kind] * size <= room:
        return LARGEST_GROUP[kind]
    return _clamped(fitting(room, partial(_peak, step, device, dtype)), kind)


def _clamped(replicas: int, kind: str) -> int:
    return max(2, min(LARGEST_GROUP[kind], replicas))


def _bytes(step: Step, weight: tuple[Params, int], dtype: torch.dtype) -> int:
    """What a replica keeps from step to step, and the activations that a task tells of."""
    params, data = weight
    weights = sum(p.numel() for p in params.values())
    states = sum(tensor.numel() for tensor in pytree.tree_leaves(step.init(params)))
    batch = min(step.task.batch_size or step.task.train_size, step.task.train_size)
    # 4: parameters, gradients, two moments
    return dtype.itemsize * (4 * weights + states + data + batch * step.task.activations)


def fitting(room: int, peak: Callable[[int], int]) -> int:
    """The replicas that fit, by the bytes that two and four hold: each further one adds as much; 2 if four do not."""
    try:
        two, four = peak(2), peak(4)
    except Exception as error:
        if not exhausted(error):
            raise
        return 2
    each = max(1, (four - two) // 2)
    return 2 + (room - two) // each


def _peak(step: Step, device: str, dtype: torch.dtype, replicas: int) -> int:
    """The most bytes that a step and an evaluation of so many replicas hold, with the copies of a recording."""
    release(device)
    torch.cuda.reset_peak_memory_stats(device)
    group, _ = start(step, range(replicas), device, dtype)
    copies = [moving(group) for _ in range(2)]  # the buffers, and what is put back there after warming up
    measure(step, train_steps(step, group, 0, draw(step, group, 0), [0]), list(step.metrics), 1, {})
    torch.cuda.synchronize(device)
    del group, copies
    return torch.cuda.max_memory_allocated(device)
