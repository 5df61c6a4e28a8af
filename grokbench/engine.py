"""A cell's replicas, trained together on a device; the only room that maps over seeds and knows devices.

The replicas of a group stand stacked on a leading axis. One pure step is mapped over them; gradients are taken of the
sum of their losses, outside the map, which gives each replica its own gradient and costs less than a gradient inside.
Replicas that are done leave the group only down a fixed ladder of sizes, so the cost follows the work left while the
numbers depend on nothing but the plan. A group is never of one: a single replica takes other kernels.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.logbook import Logbook, parse_condition
from grokbench.records import Cell, Progress, Run
from grokbench.step import Step
from grokbench.types import Batch, Params, Task

__all__ = [
    "DTYPES",
    "REVISION",
    "Group",
    "batches",
    "evaluate",
    "group_size",
    "ladder",
    "start",
    "synchronize",
    "train",
    "train_epoch",
    "weigh",
]

REVISION = 1  # raise it when the numbers of any replica change
DTYPES = {"float32": torch.float32, "float64": torch.float64}
LARGEST_GROUP = {"cpu": 10, "cuda": 32}  # replicas: enough to share the cost of launching operations
CPU_MEMORY = 2**30  # bytes for the replicas of a group: as many groups as cores train at once

Pending = tuple[Params, Tensor]  # gradients and losses already computed for the next step


@dataclass(frozen=True)
class Group:
    """Replicas in training. Every tensor but `shared` has the replicas as its leading axis, or is a scalar."""

    keys: Tensor  # (replicas,) int64, the root key of each seed
    params: Params
    optimizer: Any  # the optimizer's state
    states: tuple[Any, ...]  # one per regularizer
    own: dict[str, Batch]  # data of each replica
    shared: dict[str, Batch]  # data that is the same for all
    finite: Tensor  # (replicas,) bool: no loss so far was infinite or nan
    steps: int = 0  # updates completed

    @property
    def splits(self) -> dict[str, Batch]:
        """All data, by split."""
        return self.own | self.shared

    @property
    def split_axes(self) -> dict[str, int | None]:
        """Where the replicas' axis of every split is: leading, or absent."""
        return {name: 0 for name in self.own} | {name: None for name in self.shared}


def ladder(size: int) -> list[int]:
    """The sizes a group may shrink to: halves, rounded up, down to two."""
    sizes = [max(size, 2)]
    while sizes[-1] > 2:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def weigh(task: Task) -> tuple[Params, int]:
    """The parameters of a replica without their values, and the numbers in its own data (0 where files hold it)."""
    params = {name: p.to("meta") for name, p in task.init(random.key(0)).items()}
    drawn = task.splits(random.key(0)) if task.fetch is None else {}
    return params, sum(tensor.numel() for tensor in pytree.tree_leaves(drawn))


def group_size(step: Step, weight: tuple[Params, int], device: str, dtype: torch.dtype) -> int:
    """Replicas to train together: by what the task and the methods of a replica weigh, and the device's memory."""
    params, data = weight
    weights = sum(p.numel() for p in params.values())
    states = sum(tensor.numel() for tensor in pytree.tree_leaves(step.init(params)))
    size = dtype.itemsize * (4 * weights + states + data)  # 4: parameters, gradients, two moments
    return max(2, min(LARGEST_GROUP[torch.device(device).type], _memory(device) // size))


def _memory(device: str) -> int:
    """Bytes for the replicas of a group; as much again is left to what a step computes."""
    if device == "cpu":
        return CPU_MEMORY
    return torch.cuda.get_device_properties(device).total_memory // 2


def synchronize(device: str) -> None:
    """Wait for the device, so that a clock can be read."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def start(step: Step, seeds: Sequence[int], device: str, dtype: torch.dtype) -> tuple[Group, float]:
    """The replicas of those seeds before any update, and the seconds their `prepare` took, per replica."""
    keys = [random.key(seed, device) for seed in seeds]
    cast = partial(_cast, dtype=dtype)
    params = [pytree.tree_map(cast, step.task.init(random.fold(key, "task"))) for key in keys]
    synchronize(device)
    began = time.perf_counter()
    params = [step.prepare(p, random.fold(key, "prepare")) for p, key in zip(params, keys, strict=True)]
    synchronize(device)
    seconds = (time.perf_counter() - began) / len(keys) if any(r.prepare for r in step.regularizers) else 0.0
    own = _stack([pytree.tree_map(cast, step.task.splits(random.fold(key, "task"))) for key in keys])
    shared = step.task.shared(torch.device(device)) if step.task.shared else {}
    stacked = _stack(params)
    return Group(
        keys=torch.stack(keys),
        params=stacked,
        optimizer=step.optimizer.init(stacked),
        states=vmap(step.init)(stacked),
        own=own,
        shared=pytree.tree_map(cast, shared),
        finite=torch.ones(len(seeds), dtype=torch.bool, device=device),
    ), seconds


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _stack(trees: Sequence[Any]) -> Any:
    return pytree.tree_map(lambda *tensors: torch.stack(tensors), *trees)


def _take(tree: Any, replicas: Tensor) -> Any:
    """Some replicas of a tree; scalars are shared by all and stay."""
    return pytree.tree_map(lambda tensor: tensor.index_select(0, replicas) if tensor.ndim else tensor, tree)


def _scalar(count: int, group: Group) -> Tensor:
    """A count as a tensor beside the group: plugins compute schedules from it."""
    return torch.tensor(count, device=group.keys.device)


def _gradients(
    step: Step, group: Group, batch: Batch, axes: int | None, keys: Tensor, epoch: Tensor
) -> tuple[Params, Tensor, Tensor]:
    """Gradients per replica, losses (replicas,), and outputs (replicas, n, C) before the update."""
    params = {name: p.detach().requires_grad_() for name, p in group.params.items()}
    objective = vmap(step.objective, in_dims=(0, 0, axes, 0, None, None))
    total, loss, outputs = objective(params, group.states, batch, keys, _scalar(group.steps, group), epoch)
    grads = torch.autograd.grad(total.sum(), list(params.values()), materialize_grads=True)
    return dict(zip(params, grads, strict=True)), loss.detach(), outputs.detach()


@torch.no_grad()
def _update(
    step: Step, group: Group, grads: Params, loss: Tensor, batch: Batch, axes: int | None, keys: Tensor, epoch: Tensor
) -> Group:
    """Transforms and optimizer."""
    states = group.states
    if step.transforms:
        transform = vmap(step.transform, in_dims=(0, 0, 0, axes, 0, None, None))
        grads, states = transform(grads, group.params, states, batch, keys, _scalar(group.steps, group), epoch)
    params, optimizer = step.optimizer.update(group.params, grads, group.optimizer)
    finite = group.finite & loss.isfinite()
    return replace(group, params=params, optimizer=optimizer, states=states, finite=finite, steps=group.steps + 1)


def batches(step: Step, group: Group, epoch: int) -> Iterator[tuple[Batch, int | None]]:
    """The batches of the pass after `epoch` completed ones, with the axis of their replicas."""
    train, axes = group.splits["train"], group.split_axes["train"]
    size, n = step.task.batch_size, step.task.train_size
    if size is None or size >= n:
        yield train, axes
        return
    order = vmap(lambda key: random.permutation(random.fold(key, "batches", epoch), n))(group.keys)
    rows = (torch.arange(len(order), device=order.device)[:, None],) if axes == 0 else ()
    for begin in range(0, n, size):
        index = (*rows, order[:, begin : begin + size])
        yield Batch(train.inputs[index], train.targets[index]), 0


def _step_keys(step: Step, group: Group, epoch: int) -> Tensor:
    """A key for every replica and step of an epoch, (steps, replicas)."""
    steps = -(-step.task.train_size // (step.task.batch_size or step.task.train_size))
    counts = torch.arange(steps, device=group.keys.device)[:, None]
    return random.fold(group.keys.expand(steps, -1), "regularizer", epoch, counts)


def train_epoch(step: Step, group: Group, epoch: int, pending: Pending | None = None) -> Group:
    """The pass after `epoch` completed ones; `pending` is its first gradient, where an evaluation took it already."""
    keys, now = _step_keys(step, group, epoch), _scalar(epoch, group)
    for index, (batch, axes) in enumerate(batches(step, group, epoch)):
        grads, loss = pending or _gradients(step, group, batch, axes, keys[index], now)[:2]
        pending = None
        group = _update(step, group, grads, loss, batch, axes, keys[index], now)
    return group


@torch.no_grad()
def evaluate(
    step: Step, group: Group, labels: Sequence[str], epoch: int, known: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """The metrics of those labels, one mapping per replica."""
    measure = vmap(partial(step.evaluate, labels), in_dims=(0, group.split_axes, 0, 0))
    values = measure(group.params, group.splits, random.fold(group.keys, "evaluation", epoch), dict(known))
    table = torch.stack([values[label].double() for label in labels], 1).tolist() if labels else []
    return [dict(zip(labels, row, strict=True)) for row in table]


def _look_ahead(step: Step, group: Group, epoch: int) -> tuple[Pending | None, dict[str, Tensor]]:
    """Full batch: the next step's forward pass is also this evaluation's look at the training set."""
    if not _full_batch(step):
        return None, {}
    ((batch, axes),) = batches(step, group, epoch)
    keys = _step_keys(step, group, epoch)[0]
    grads, loss, outputs = _gradients(step, group, batch, axes, keys, _scalar(epoch, group))
    return (grads, loss), {"train": outputs}


def _full_batch(step: Step) -> bool:
    return step.task.batch_size is None or step.task.batch_size >= step.task.train_size


def train(
    cell: Cell,
    step: Step,
    seeds: Sequence[int],
    device: str,
    dtype: torch.dtype,
    provenance: Mapping[str, Any] | None = None,
) -> Iterator[Run | Progress]:
    """Train a group of seeds; yield each replica's run as soon as it is done, and the progress at every evaluation."""
    padded = seeds if len(seeds) > 1 else [*seeds, *seeds]
    group, prepare_seconds = start(step, padded, device, dtype)
    facts = {"prepare_seconds": prepare_seconds, "group": tuple(seeds), "provenance": dict(provenance or {})}
    books = {row: _logbook(cell, seed) for row, seed in enumerate(seeds)}  # row in the group -> logbook
    for epoch in range(cell.budget + 1):
        pending = None
        if epoch % cell.evaluate_every == 0 or epoch == cell.budget:
            pending, known = _look_ahead(step, group, epoch)
            done = _consult(cell, step, group, books, epoch, known)
            yield from (books.pop(row).run(cell.identity, **facts) for row in done)
            yield Progress(cell, tuple(seeds), epoch, len(books))
            if not books:
                return
            group, books, pending = _shrink(group, books, pending)
        group = train_epoch(step, group, epoch, pending)


def _logbook(cell: Cell, seed: int) -> Logbook:
    recipe = cell.recipe
    conditions = {label: parse_condition(text) for label, text in recipe["grokked"].items()}
    return Logbook(seed, conditions, recipe["stop"], cell.budget)


def _consult(
    cell: Cell, step: Step, group: Group, books: Mapping[int, Logbook], epoch: int, known: Mapping[str, Tensor]
) -> list[int]:
    """Evaluate, enter the values and return the rows that are done; those are measured completely."""
    due = [label for label in step.metrics if label in step.required or epoch % step.every.get(label, 1) == 0]
    values, finite = evaluate(step, group, due, epoch, known), group.finite.tolist()
    done = [row for row, book in books.items() if book.judge(epoch, values[row], finite[row])]
    rest = evaluate(step, group, [label for label in step.metrics if label not in due], epoch, known) if done else []
    for row, book in books.items():
        book.record(epoch, values[row] | (rest[row] if rest and row in done else {}))
    return done


def _shrink(
    group: Group, books: dict[int, Logbook], pending: Pending | None
) -> tuple[Group, dict[int, Logbook], Pending | None]:
    """Drop replicas that are done where a smaller size of the ladder holds the others."""
    size = min(size for size in ladder(len(group.keys)) if size >= len(books))
    if size == len(group.keys):
        return group, books, pending
    spare = [row for row in range(len(group.keys)) if row not in books]
    rows = [*books, *spare][:size]
    replicas = torch.tensor(rows, device=group.keys.device)
    taken = {name: _take(getattr(group, name), replicas) for name in ("keys", "params", "optimizer", "states", "own")}
    smaller = replace(group, finite=group.finite[replicas], **taken)
    renumbered = {row: books[old] for row, old in enumerate(rows) if old in books}
    return smaller, renumbered, _take(pending, replicas) if pending else None
