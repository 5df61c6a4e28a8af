"""Short trainings of a plugin, and comparisons of what they end with."""

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
ALONE = 1e-9  # relative, after 20 steps in float64: another group size takes other kernels, which round differently


@contextmanager
def one_thread() -> Iterator[None]:
    """Small tensors are faster on one thread, and costs are measured on one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def data(task: Task, seed: int = 0) -> dict[str, Batch]:
    """Every split of one replica."""
    return task.splits(random.key(seed)) | (task.shared(torch.device("cpu")) if task.shared else {})


def epochs_for(task: Task, steps: int = 20) -> int:
    """Epochs that make at least so many updates."""
    return -(-steps // task.steps)


def trained(step: Step, seeds: Sequence[int], epochs: int, dtype: torch.dtype = torch.float64) -> engine.Group:
    """The group of those seeds after so many epochs, without evaluations."""
    group, _ = engine.start(step, seeds, "cpu", dtype)
    for epoch in range(epochs):
        group = engine.train_epoch(step, group, epoch)
    return group


def replica(params: Params, row: int) -> Params:
    """The parameters of one replica of a stack."""
    return {name: p[row] for name, p in params.items()}


def distance(left: Params, right: Params) -> float:
    """The largest difference of two dicts of tensors, relative to the largest entry.

    It is inf where their names differ or an entry is not finite.
    """
    if list(left) != list(right):
        return float("inf")
    if not all(p.isfinite().all() for p in (*left.values(), *right.values())):
        return float("inf")
    scale = max(float(p.abs().max()) for p in right.values())
    return max(float((left[name] - right[name]).abs().max()) for name in left) / (scale or 1.0)


def tensors(tree: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in a tree of dicts, tuples and records, with its path, in order."""
    if isinstance(tree, Tensor):
        yield path, tree
    else:
        for name, part in _parts(tree):
            yield from tensors(part, f"{path}.{name}" if path else name)


def _parts(tree: Any) -> list[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        return [(str(name), part) for name, part in tree.items()]
    if is_dataclass(tree) and not isinstance(tree, type):
        return [(field.name, getattr(tree, field.name)) for field in fields(tree)]
    if isinstance(tree, tuple | list):
        names = getattr(tree, "_fields", range(len(tree)))
        return [(str(name), part) for name, part in zip(names, tree, strict=True)]
    return []


def containers(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every dict and list in such a tree, with its path."""
    if isinstance(tree, Mapping | list):
        yield path, tree
    for name, part in _parts(tree):
        yield from containers(part, f"{path}.{name}" if path else name)


def entries(container: Any) -> dict[Any, Any]:
    """What stands in a dict or a list, by key or place."""
    return dict(container.items() if isinstance(container, Mapping) else enumerate(container))


def shapes(tree: Any) -> list[tuple[str, tuple[int, ...], torch.dtype]]:
    """Path, shape and dtype of every tensor in a tree, in order."""
    return [(path, tuple(tensor.shape), tensor.dtype) for path, tensor in tensors(tree)]


def same(left: Any, right: Any) -> bool:
    """Whether two trees hold the same tensors, bit for bit; nan equals nan."""
    if shapes(left) != shapes(right):
        return False
    pairs = zip(tensors(left), tensors(right), strict=True)
    return all(bool(((a == b) | ((a != a) & (b != b))).all()) for (_, a), (_, b) in pairs)
