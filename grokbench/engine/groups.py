"""A group: the replicas of a cell that train together, stacked on a leading axis.

As replicas finish, a group shrinks to sizes from a fixed ladder: the cost follows the work left, and the numbers depend
on the plan alone. A group has at least two rows, because a single replica would use other kernels.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.engine.mapping import over_replicas
from grokbench.engine.out_of_memory import trim
from grokbench.step import Step
from grokbench.types import Batch, Params

__all__ = [
    "DTYPES",
    "TRAINING_STATE",
    "Group",
    "Reserved",
    "cast",
    "copy_training_state",
    "ladder",
    "select_replicas",
    "shrink",
    "start",
    "synchronize",
    "unaliased",
    "unclaimed",
]

T = TypeVar("T")

DTYPES = {"float32": torch.float32, "float64": torch.float64}
TRAINING_STATE = ("params", "optimizer", "states", "finite", "steps")  # fields that training changes
PER_REPLICA = (
    "keys",
    "params",
    "optimizer",
    "states",
    "own",
    "finite",
    "initial",
    "reserved",
)  # fields with a row per replica


class Reserved(NamedTuple):
    """The examples of the training set that are kept for the methods.

    Attributes:
        rows: (replicas, reserved), their numbers.
        replaced: (replicas, n), for every example the one that batches hold in its place: itself, unless reserved.
    """

    rows: Tensor
    replaced: Tensor


@dataclass(frozen=True)
class Group:
    """Replicas in training, a row each. Except in `shared`, a tensor has the replicas on axis 0 or is a scalar.

    Attributes:
        seeds: of each row.
        keys: (replicas,), int64, the root key of each seed.
        params: name -> (replicas, *shape of the parameter).
        optimizer: the optimizer's state.
        states: the state of each regularizer.
        own: split -> the data of each replica.
        shared: split -> data that is the same for all replicas, without an axis for them.
        finite: (replicas,), bool: whether every loss so far was finite, penalties included.
        steps: (), int64, completed updates.
        initial: the parameters before any update, if a metric compares with them; else empty.
        reserved: the examples kept for the methods, if one reserves any; else empty.
    """

    seeds: tuple[int, ...]
    keys: Tensor
    params: Params
    optimizer: Any
    states: tuple[Any, ...]
    own: dict[str, Batch]
    shared: dict[str, Batch]
    finite: Tensor
    steps: Tensor
    initial: Params
    reserved: Reserved | tuple[()] = ()

    @property
    def splits(self) -> dict[str, Batch]:
        """The data of all splits."""
        return self.own | self.shared

    @property
    def split_axes(self) -> dict[str, int | None]:
        """The axis of the replicas in every split, for `vmap`: 0, or None for shared data."""
        return {name: 0 for name in self.own} | {name: None for name in self.shared}


def ladder(size: int, device: str) -> list[int]:
    """List the sizes that a group may shrink to, from its size down to two.

    Args:
        size: of the group.
        device: "cpu", where every size is on the ladder; or "cuda", where sizes are halved, since CUDA graphs are
            captured again for each.
    """
    sizes = [max(size, 2)]
    while sizes[-1] > 2:
        sizes.append(sizes[-1] - 1 if device == "cpu" else (sizes[-1] + 1) // 2)
    return sizes


def synchronize(device: str) -> None:
    """Wait until a CUDA device has finished its work, as a measurement of time needs."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def start(step: Step, seeds: Sequence[int], device: str, dtype: torch.dtype) -> tuple[Group, float]:
    """Initialise a group.

    Args:
        step: the cell's step.
        seeds: one for each replica.
        device: "cpu", or a CUDA device such as "cuda:0".
        dtype: of parameters, data and states.

    Returns:
        The group before any update, and the seconds that the phase `prepare` took for each replica.
    """
    keys = [random.key(seed, device) for seed in seeds]
    drawn = [_drawn(step.task.init, key, dtype) for key in keys]
    data = [_drawn(step.task.splits, key, dtype) for key in keys]
    shared = cast(step.task.shared(torch.device(device)) if step.task.shared else {}, dtype)
    params, seconds = _prepared(step, drawn, [(own | shared)["train"] for own in data], keys, device)
    own = _stack(data)
    return Group(
        seeds=tuple(seeds),
        keys=torch.stack(keys),
        params=params,
        optimizer=step.optimizer.init(unclaimed(step, params)),
        states=unaliased(over_replicas(step, step.init)(params), params),
        own=own,
        shared=shared,
        finite=torch.ones(len(seeds), dtype=torch.bool, device=device),
        steps=torch.zeros((), dtype=torch.int64, device=device),
        initial={name: p.clone() for name, p in params.items()} if step.keeps_initial else {},
        reserved=_reserved(step, torch.stack(keys)) if step.reserve else (),
    ), seconds


def _prepared(
    step: Step, params: Sequence[Params], train: Sequence[Batch], keys: Sequence[Tensor], device: str
) -> tuple[Params, float]:
    """Prepare the parameters; return them stacked, and the seconds of `prepare` per replica."""
    synchronize(device)
    began = time.perf_counter()
    replicas = zip(params, train, keys, strict=True)
    params = [step.prepare(p, batch, random.fold(key, "prepare")) for p, batch, key in replicas]
    synchronize(device)
    seconds = (time.perf_counter() - began) / len(keys) if any(r.prepare for r in step.regularizers) else 0.0
    stacked: Params = _stack(params)
    return stacked, seconds


def unclaimed(step: Step, params: Params) -> Params:
    """The stacked parameters that the step's optimizer updates."""
    claimed = step.claimed(params, stacked=True)
    return {name: p for name, p in step.task.trained(params).items() if name not in claimed}


def _reserved(step: Step, keys: Tensor) -> Reserved:
    """Draw the reserved examples of every replica, and those that take their place in batches."""
    n = step.task.train_size
    count = max(1, math.ceil(step.reserve * n))

    def of(key: Tensor) -> Reserved:
        key = random.fold(key, "reserve")
        order = random.permutation(key, n)
        rows, others = order[:count], order[count:]
        instead = others[random.integers(random.fold(key, "instead"), (count,), n - count)]
        return Reserved(rows, torch.arange(n, device=key.device).scatter(0, rows, instead))

    found: Reserved = vmap(of)(keys)
    return found


def _drawn(draw: Callable[[Tensor], T], key: Tensor, dtype: torch.dtype) -> T:
    """Draw from a task for a seed, and free the memory of drawing: XOR's full dimensions are 100 times its rest."""
    drawn = cast(draw(random.fold(key, "task")), dtype)
    trim()
    return drawn


def unaliased(tree: Any, params: Params) -> Any:
    """Copy the tensors of a tree that share memory with the parameters, which the optimizer overwrites in place.

    Args:
        tree: a pytree of tensors.
        params: the parameters.

    Returns:
        The tree, with clones where memory was shared.
    """
    held = {p.untyped_storage().data_ptr() for p in params.values()}

    def own(tensor: Tensor) -> Tensor:
        return tensor.clone() if tensor.untyped_storage().data_ptr() in held else tensor

    return pytree.tree_map(own, tree)


def cast(tree: T, dtype: torch.dtype) -> T:
    """Convert the floating-point tensors of a tree to a dtype."""
    converted: T = pytree.tree_map(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor, tree)
    return converted


def _stack(trees: Sequence[Any]) -> Any:
    return pytree.tree_map(lambda *tensors: torch.stack(tensors), *trees)


def select_replicas(tree: Any, rows: Sequence[int]) -> Any:
    """Select rows of every tensor of a tree; scalars, which all replicas share, stay."""

    def some(tensor: Tensor) -> Tensor:
        return tensor.index_select(0, torch.tensor(rows, device=tensor.device)) if tensor.ndim else tensor

    return pytree.tree_map(some, tree)


def copy_training_state(group: Group) -> dict[str, Any]:
    """Copy the fields TRAINING_STATE of a group."""
    return {name: pytree.tree_map(torch.clone, getattr(group, name)) for name in TRAINING_STATE}


def shrink(group: Group, rows: Sequence[int]) -> Group:
    """Return the group of the given rows."""
    replicas = {name: select_replicas(getattr(group, name), rows) for name in PER_REPLICA}
    return replace(group, seeds=tuple(group.seeds[row] for row in rows), **replicas)
