"""How many replicas of a cell train together: what one weighs, and what a device holds."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.engine.draws import draw
from grokbench.engine.epochs import look_ahead, measure, train_steps
from grokbench.engine.groups import moving, start
from grokbench.memory import SPARE, exhausted, release
from grokbench.step import Step
from grokbench.types import Params, Task

__all__ = ["LARGEST_GROUP", "Size", "fitting", "group_size", "tried", "weigh"]

T = TypeVar("T")

# Replicas: enough to share the cost of launching operations. On a CPU, 25 seeds are two groups, and no core waits long.
# Groups of 7 pass on more of a full batch in the cache, and gained 4 to 15% in one process; with a worker per core they
# lost as much as they gained (sparse parity 0.95 to 1.04 times as fast, XOR 0.82 to 1.00).
LARGEST_GROUP = {"cpu": 13, "cuda": 32}
CPU_MEMORY = 2**30  # bytes for the replicas of a group: as many groups as cores train at once
CLOSE = 4  # a group surely fits if by its weight so many would


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


class Size(NamedTuple):
    """Replicas to train together."""

    replicas: int
    sure: bool  # whether they fit; else `tried` knows


def group_size(step: Step, weight: tuple[Params, int], device: str, dtype: torch.dtype, sharing: int = 1) -> Size:
    """By what the task and the methods of a replica weigh, on a device that so many workers share."""
    size, kind = _bytes(step, weight, dtype), torch.device(device).type
    room = _room(device, sharing)
    return Size(_clamped(room // size, kind), kind == "cpu" or CLOSE * LARGEST_GROUP[kind] * size <= room)


def tried(step: Step, device: str, dtype: torch.dtype, sharing: int) -> int:
    """By what groups of two and of four hold on a CUDA device."""
    return _clamped(fitting(_room(device, sharing), partial(_peak, step, device, dtype)), "cuda")


def _room(device: str, sharing: int) -> int:
    """Bytes for a group."""
    if device == "cpu":
        return CPU_MEMORY
    return int((1.0 - SPARE) * torch.cuda.get_device_properties(device).total_memory) // sharing


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
    pending, known = look_ahead(step, group, 0)
    measure(step, group, list(step.metrics), 0, known)
    train_steps(step, group, 0, draw(step, group, 0), [0], pending)
    torch.cuda.synchronize(device)
    del copies
    return torch.cuda.max_memory_allocated(device)
