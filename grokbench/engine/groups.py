"""A group: the replicas of a cell that train together, stacked on a leading axis.

Replicas that are done leave the group only down a fixed ladder of sizes, so the cost follows the work left while the
numbers depend on nothing but the plan. A group is never of one: a single replica takes other kernels.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.engine.out_of_memory import trim
from grokbench.step import Step
from grokbench.types import Batch, Params

__all__ = [
    "DTYPES",
    "MOVING",
    "Group",
    "apart",
    "cast",
    "ladder",
    "moving",
    "shrink",
    "start",
    "synchronize",
    "take",
]

T = TypeVar("T")

DTYPES = {"float32": torch.float32, "float64": torch.float64}
MOVING = ("params", "optimizer", "states", "finite", "steps")  # what training changes of a group
PER_REPLICA = ("keys", "params", "optimizer", "states", "own", "finite", "initial")


@dataclass(frozen=True)
class Group:
    """Replicas in training. Every tensor but `shared` has the replicas as its leading axis, or is a scalar."""

    seeds: tuple[int, ...]  # of each row
    keys: Tensor  # (replicas,) int64, the root key of each seed
    params: Params
    optimizer: Any  # the optimizer's state
    states: tuple[Any, ...]  # one per regularizer
    own: dict[str, Batch]  # data of each replica
    shared: dict[str, Batch]  # data that is the same for all
    finite: Tensor  # (replicas,) bool: no loss so far was infinite or nan, penalties included
    steps: Tensor  # (), int64, updates completed
    initial: Params  # before any update, where a metric compares with them; else empty

    @property
    def splits(self) -> dict[str, Batch]:
        """All data, by split."""
        return self.own | self.shared

    @property
    def split_axes(self) -> dict[str, int | None]:
        """Where the replicas' axis of every split is: leading, or absent."""
        return {name: 0 for name in self.own} | {name: None for name in self.shared}


def ladder(size: int, device: str) -> list[int]:
    """The sizes a group may shrink to, down to two: on a CPU every one, on CUDA, which captures each anew, halves."""
    sizes = [max(size, 2)]
    while sizes[-1] > 2:
        sizes.append(sizes[-1] - 1 if device == "cpu" else (sizes[-1] + 1) // 2)
    return sizes


def synchronize(device: str) -> None:
    """Wait for the device, so that a clock can be read."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def start(step: Step, seeds: Sequence[int], device: str, dtype: torch.dtype) -> tuple[Group, float]:
    """The replicas of those seeds before any update, and the seconds their `prepare` took, per replica."""
    keys = [random.key(seed, device) for seed in seeds]
    params, seconds = _prepared(step, keys, device, dtype)
    own = _stack([_drawn(step.task.splits, key, dtype) for key in keys])
    shared = step.task.shared(torch.device(device)) if step.task.shared else {}
    return Group(
        seeds=tuple(seeds),
        keys=torch.stack(keys),
        params=params,
        optimizer=step.optimizer.init(step.task.trained(params)),
        states=apart(vmap(step.init)(params), params),
        own=own,
        shared=cast(shared, dtype),
        finite=torch.ones(len(seeds), dtype=torch.bool, device=device),
        steps=torch.zeros((), dtype=torch.int64, device=device),
        initial={name: p.clone() for name, p in params.items()} if step.keeps_initial else {},
    ), seconds


def _prepared(step: Step, keys: Sequence[Tensor], device: str, dtype: torch.dtype) -> tuple[Params, float]:
    """The parameters, stacked, and the seconds that `prepare` took for each replica."""
    params = [_drawn(step.task.init, key, dtype) for key in keys]
    synchronize(device)
    began = time.perf_counter()
    params = [step.prepare(p, random.fold(key, "prepare")) for p, key in zip(params, keys, strict=True)]
    synchronize(device)
    seconds = (time.perf_counter() - began) / len(keys) if any(r.prepare for r in step.regularizers) else 0.0
    stacked: Params = _stack(params)
    return stacked, seconds


def _drawn(draw: Callable[[Tensor], T], key: Tensor, dtype: torch.dtype) -> T:
    """What a task draws for a seed. What it took to draw goes first: XOR's full dimensions are 100 times its rest."""
    drawn = cast(draw(random.fold(key, "task")), dtype)
    trim()
    return drawn


def apart(tree: Any, params: Params) -> Any:
    """A tree whose tensors share no memory with the parameters, which the optimizer overwrites in place."""
    held = {p.untyped_storage().data_ptr() for p in params.values()}

    def own(tensor: Tensor) -> Tensor:
        return tensor.clone() if tensor.untyped_storage().data_ptr() in held else tensor

    return pytree.tree_map(own, tree)


def cast(tree: T, dtype: torch.dtype) -> T:
    """A tree that a task draws, in the precision of a run."""
    found: T = pytree.tree_map(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor, tree)
    return found


def _stack(trees: Sequence[Any]) -> Any:
    return pytree.tree_map(lambda *tensors: torch.stack(tensors), *trees)


def take(tree: Any, rows: Sequence[int]) -> Any:
    """Some replicas of a tree; scalars are shared by all and stay."""

    def some(tensor: Tensor) -> Tensor:
        return tensor.index_select(0, torch.tensor(rows, device=tensor.device)) if tensor.ndim else tensor

    return pytree.tree_map(some, tree)


def moving(group: Group) -> dict[str, Any]:
    """Copies of what training changes, by the group's fields."""
    return {name: pytree.tree_map(torch.clone, getattr(group, name)) for name in MOVING}


def shrink(group: Group, rows: Sequence[int]) -> Group:
    """The group of those rows."""
    replicas = {name: take(getattr(group, name), rows) for name in PER_REPLICA}
    return replace(group, seeds=tuple(group.seeds[row] for row in rows), **replicas)
