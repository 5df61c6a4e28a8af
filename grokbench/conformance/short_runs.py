"""Short training runs for checks, and comparisons of their results."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from grokbench import engine, random
from grokbench.step import Step
from grokbench.task import Task
from grokbench.types import Batch, Params

__all__ = [
    "ALONE",
    "PRECISIONS",
    "SEEDS",
    "containers",
    "data",
    "distance",
    "entries",
    "epochs_for",
    "one_thread",
    "replica",
    "same",
    "shapes",
    "tensors",
    "trained",
]

SEEDS = (0, 1, 2)
PRECISIONS = (torch.float32, torch.float64)
ALONE = 1e-9  # relative tolerance, after 20 steps in float64: other group sizes round differently


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread within a block.

    One thread is faster for small tensors. The measured costs are therefore those of one thread.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def data(task: Task, seed: int = 0) -> dict[str, Batch]:
    """Return every split of one replica, on the CPU.

    Args:
        task: the task.
        seed: the seed of the replica.
    """
    return task.splits(random.key(seed)) | (task.shared(torch.device("cpu")) if task.shared else {})


def epochs_for(task: Task, steps: int = 20) -> int:
    """Return the number of epochs that make at least `steps` updates.

    Args:
        task: the task.
        steps: the number of updates.
    """
    return -(-steps // task.steps)


def trained(step: Step, seeds: Sequence[int], epochs: int, dtype: torch.dtype = torch.float64) -> engine.Group:
    """Train a group on the CPU without evaluations.

    Args:
        step: the step to train.
        seeds: one for each replica.
        epochs: the number of epochs.
        dtype: the dtype of parameters and data.
    """
    group, _ = engine.start(step, seeds, "cpu", dtype)
    for epoch in range(epochs):
        group = engine.train_epoch(step, group, epoch)
    return group


def replica(params: Params, row: int) -> Params:
    """Return the parameters of one replica.

    Args:
        params: the parameters of a stack of replicas, each (replicas, ...).
        row: the row of the replica in the stack.
    """
    return {name: p[row] for name, p in params.items()}


def distance(left: Params, right: Params) -> float:
    """Compute the largest absolute difference between two dicts of tensors, relative to the second dict.

    The difference is divided by the largest absolute value in the second dict.

    Args:
        left: the tensors to compare.
        right: the tensors to compare with, of the same shapes.

    Returns:
        The relative difference, or the absolute one if the second dict is all zero; inf if the names differ or an
        entry is not finite.
    """
    if list(left) != list(right):
        return float("inf")
    if not all(p.isfinite().all() for p in (*left.values(), *right.values())):
        return float("inf")
    scale = max(float(p.abs().max()) for p in right.values())
    return max(float((left[name] - right[name]).abs().max()) for name in left) / (scale or 1.0)


def tensors(tree: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor in a tree with its path, in order.

    Args:
        tree: nested dicts, lists, tuples and dataclasses.
        path: the path of the tree itself, with which the paths of its parts begin.
    """
    if isinstance(tree, Tensor):
        yield path, tree
    else:
        for name, part in _parts(tree):
            yield from tensors(part, f"{path}.{name}" if path else name)


def _parts(tree: Any) -> list[tuple[str, Any]]:
    """Return the names and values one level down a tree."""
    if isinstance(tree, Mapping):
        return [(str(name), part) for name, part in tree.items()]
    if is_dataclass(tree) and not isinstance(tree, type):
        return [(field.name, getattr(tree, field.name)) for field in fields(tree)]
    if isinstance(tree, tuple | list):
        names = getattr(tree, "_fields", range(len(tree)))
        return [(str(name), part) for name, part in zip(names, tree, strict=True)]
    return []


def containers(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every dict and list in a tree with its path, in order.

    Args:
        tree: nested dicts, lists, tuples and dataclasses.
        path: the path of the tree itself, with which the paths of its parts begin.
    """
    if isinstance(tree, Mapping | list):
        yield path, tree
    for name, part in _parts(tree):
        yield from containers(part, f"{path}.{name}" if path else name)


def entries(container: Any) -> dict[Any, Any]:
    """Return the values of a dict or a list by key or index."""
    return dict(container.items() if isinstance(container, Mapping) else enumerate(container))


def shapes(tree: Any) -> list[tuple[str, tuple[int, ...], torch.dtype]]:
    """Return the path, shape and dtype of every tensor in a tree, in order."""
    return [(path, tuple(tensor.shape), tensor.dtype) for path, tensor in tensors(tree)]


def same(left: Any, right: Any) -> bool:
    """Return whether two trees hold the same tensors bit for bit; nan equals nan.

    Args:
        left: a tree, see `tensors`.
        right: a tree.
    """
    if shapes(left) != shapes(right):
        return False
    pairs = zip(tensors(left), tensors(right), strict=True)
    return all(bool(((a == b) | ((a != a) & (b != b))).all()) for (_, a), (_, b) in pairs)
