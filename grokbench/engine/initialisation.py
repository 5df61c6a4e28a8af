"""The group before training: its keys, data, parameters and states, drawn from the seeds."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.data.digests import collecting
from grokbench.engine.groups import Group, Reserved, cast, synchronize, unaliased, unclaimed
from grokbench.engine.mapping import over_replicas
from grokbench.engine.out_of_memory import trim
from grokbench.records.activity import ACTIVITY
from grokbench.step import Step
from grokbench.types import Batch, Params

__all__ = ["start"]

T = TypeVar("T")


def start(step: Step, seeds: Sequence[int], device: str, dtype: torch.dtype) -> tuple[Group, float]:
    """Initialise a group.

    Args:
        step: the cell's step.
        seeds: one for each replica.
        device: "cpu", or a CUDA device such as "cuda:0".
        dtype: the dtype of parameters, data and states.

    Returns:
        The group before any update, and the seconds that the phase `prepare` took for each replica.
    """
    keys = [random.key(seed, device) for seed in seeds]
    drawn = [_drawn(step.task.init, key, dtype) for key in keys]
    data = [_drawn(step.task.splits, key, dtype) for key in keys]
    shared = cast(step.task.shared(torch.device(device)) if step.task.shared else {}, dtype)
    if collecting():  # data that metrics read are part of the provenance, too
        for fetch in (metric.fetch for metric in step.metrics.values() if metric.fetch):
            fetch()
    params, seconds = _prepared(step, drawn, [(own | shared)["train"] for own in data], keys, device)
    own = _stack(data)
    return Group(
        seeds=tuple(seeds),
        keys=torch.stack(keys),
        params=params,
        optimizer=step.optimizer.init(unclaimed(step, params)),
        states=unaliased(over_replicas(step, step.init)(params, torch.stack(keys)), params),
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
    params = [_counted(step.prepare(p, batch, random.fold(key, "prepare"))) for p, batch, key in replicas]
    synchronize(device)
    seconds = (time.perf_counter() - began) / len(keys) if any(r.prepare for r in step.regularizers) else 0.0
    stacked: Params = _stack(params)
    return stacked, seconds


def _drawn(draw: Callable[[Tensor], T], key: Tensor, dtype: torch.dtype) -> T:
    """Draw from a task for a seed, and free the memory used for it; XOR needs 100 times the memory of its result."""
    drawn = cast(draw(random.fold(key, "task")), dtype)
    trim()
    return _counted(drawn)


def _counted(result: T) -> T:
    """Count a step, so that the launcher sees progress between replicas."""
    ACTIVITY.steps += 1
    return result


def _stack(trees: Sequence[Any]) -> Any:
    return pytree.tree_map(lambda *tensors: torch.stack(tensors), *trees)


def _reserved(step: Step, keys: Tensor) -> Reserved:
    """Draw every replica's reserved examples, and the examples that replace these in batches."""
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
