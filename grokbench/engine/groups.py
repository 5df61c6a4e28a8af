"""A group: the replicas of a cell that train together, stacked on a leading axis.

As replicas finish, a group shrinks to sizes from a fixed ladder. The cost then follows the work left, and the numbers
depend on the plan alone. A group has at least two rows, because a single replica would use other kernels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.step import Step
from grokbench.types import Batch, Params

__all__ = [
    "CONSTANT",
    "DTYPES",
    "TRAINING_STATE",
    "Group",
    "Reserved",
    "cast",
    "copy_training_state",
    "ladder",
    "select_replicas",
    "shrink",
    "synchronize",
    "unaliased",
    "unclaimed",
]

T = TypeVar("T")

DTYPES = {"float32": torch.float32, "float64": torch.float64}
TRAINING_STATE = ("params", "optimizer", "states", "finite", "steps")  # fields that training changes
CONSTANT = ("keys", "own", "shared", "initial", "reserved")  # fields with tensors that training does not change
# Fields with a row per replica; their scalars, such as the steps of an optimizer, are shared by all replicas.
PER_REPLICA = ("keys", "params", "optimizer", "states", "own", "finite", "initial", "reserved")


class Reserved(NamedTuple):
    """The examples of the training set that are kept for the methods.

    Attributes:
        rows: (replicas, reserved), the numbers of the reserved examples.
        replaced: (replicas, n), for each example the number of the example that batches hold: its own number, unless it
            is reserved.
    """

    rows: Tensor
    replaced: Tensor


@dataclass(frozen=True)
class Group:
    """Replicas in training, one row each. Tensors have the replicas on axis 0, except scalars and `shared`.

    Attributes:
        seeds: the seed of each row.
        keys: (replicas,), int64, the root key of each seed.
        params: name -> (replicas, *shape of the parameter).
        optimizer: the optimizer's state.
        states: the state of each regularizer.
        own: split -> the data of each replica.
        shared: split -> data that is the same for all replicas, without an axis of replicas.
        finite: (replicas,), bool: True while every loss was finite, penalties included.
        steps: (), int64, completed updates.
        initial: the parameters before any update, if a metric compares with them; otherwise empty.
        reserved: the examples kept for the methods, if a method reserves any; otherwise empty.
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
    def examples(self) -> dict[str, int]:
        """The number of examples of every split."""
        axes = self.split_axes
        return {name: batch.targets.shape[0 if axes[name] is None else 1] for name, batch in self.splits.items()}

    @property
    def split_axes(self) -> dict[str, int | None]:
        """The axis of the replicas in every split, for `vmap`: 0, or None for shared data."""
        return {name: 0 for name in self.own} | {name: None for name in self.shared}


def ladder(size: int, device: str, few: bool = False) -> list[int]:
    """List the sizes that a group may shrink to, from its present size down to two.

    Args:
        size: the size of the group.
        device: "cpu", where every size is on the ladder; or "cuda", where sizes are halved, because every size needs
            new CUDA graphs.
        few: True to shrink to powers of two only, on a CPU with compiled code. Groups of 12 and of 13 then share their
            smaller sizes, which are compiled once.
    """
    sizes = [max(size, 2)]
    if few:
        return sizes + [2**power for power in range(sizes[0].bit_length() - 1, 0, -1) if 2**power < sizes[0]]
    while sizes[-1] > 2:
        sizes.append(sizes[-1] - 1 if device == "cpu" else (sizes[-1] + 1) // 2)
    return sizes


def synchronize(device: str) -> None:
    """Wait until a CUDA device has finished its work, as a measurement of time needs."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def unclaimed(step: Step, params: Params) -> Params:
    """Select the parameters that the step's optimizer updates.

    Args:
        step: the cell's step.
        params: all parameters, stacked.
    """
    claimed = step.claimed(params, stacked=True)
    return {name: p for name, p in step.task.trained(params).items() if name not in claimed}


def unaliased(tree: Any, params: Params) -> Any:
    """Copy the tensors of a tree that share memory with the parameters, which the optimizer overwrites in place.

    Args:
        tree: a pytree of tensors.
        params: the parameters.

    Returns:
        The tree, with clones of the tensors that shared memory.
    """
    held = {p.untyped_storage().data_ptr() for p in params.values()}

    def own(tensor: Tensor) -> Tensor:
        return tensor.clone() if tensor.untyped_storage().data_ptr() in held else tensor

    return pytree.tree_map(own, tree)


def cast(tree: T, dtype: torch.dtype) -> T:
    """Convert the floating-point tensors of a tree to a dtype.

    Args:
        tree: a pytree of tensors.
        dtype: the dtype of the result.
    """
    converted: T = pytree.tree_map(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor, tree)
    return converted


def select_replicas(tree: Any, rows: Sequence[int]) -> Any:
    """Select rows of every tensor of a tree; scalars, which all replicas share, stay unchanged.

    Args:
        tree: a pytree of tensors.
        rows: the rows of the replicas to keep, in the order of the result.
    """

    def some(tensor: Tensor) -> Tensor:
        return tensor.index_select(0, torch.tensor(rows, device=tensor.device)) if tensor.ndim else tensor

    return pytree.tree_map(some, tree)


def copy_training_state(group: Group) -> dict[str, Any]:
    """Copy the fields TRAINING_STATE of a group."""
    return {name: pytree.tree_map(torch.clone, getattr(group, name)) for name in TRAINING_STATE}


def shrink(group: Group, rows: Sequence[int]) -> Group:
    """Return a group of some of the replicas.

    Args:
        group: the replicas.
        rows: the rows of the replicas to keep.
    """
    replicas = {name: select_replicas(getattr(group, name), rows) for name in PER_REPLICA}
    return replace(group, seeds=tuple(group.seeds[row] for row in rows), **replicas)
