"""Flat training is eager training bit for bit: phases of every kind, groups that shrink, groups that resume."""

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from grokbench import Regularizer, engine, random
from grokbench.engine.executors import EagerExecutor
from grokbench.engine.flat_executor import FlatExecutor
from grokbench.engine.groups import TRAINING_STATE, copy_training_state, shrink
from grokbench.records.activity import ACTIVITY
from grokbench.types import Batch

from .helpers.small_cells import make_step, small
from .test_flat_memory import bits


class Kept(NamedTuple):
    value: torch.Tensor


def zero_hidden(params, state, at):
    return {name: torch.zeros_like(p) if "1" in name else p for name, p in params.items()}, state


def own_update(params, grads, state, at):
    return {name: p - at.lr * grads[name].sign() for name, p in params.items()}, state


def noisy(batch, state, at):
    return Batch(batch.inputs + 0.1 * random.normal(at.key, tuple(batch.inputs.shape)).to(batch.inputs), batch.targets)


def towards_reserved(grads, state, at):
    return {name: g + 0.1 * at.reserved.inputs.sum().sin() for name, g in grads.items()}, state


def averaged(params, state, at):
    return params, Kept({name: torch.lerp(state.value[name], p, 0.2) for name, p in params.items()})


METHODS = {
    "noise in some steps": Regularizer(perturb=noisy, every={"perturb": 3}),
    "zeros in some steps": Regularizer(project=zero_hidden, every={"project": 2}),
    "a number as the state": Regularizer(
        init=lambda params: Kept(torch.tensor([0.1, 0.2])),
        transform=lambda grads, state, at: ({name: g * state.value[1:].sum() for name, g in grads.items()}, state),
    ),
    "a state of views": Regularizer(
        init=lambda params: Kept(torch.arange(6.0).reshape(2, 3)[:, 1:]),
        transform=lambda grads, state, at: (
            {name: g * state.value.t()[0].sum() for name, g in grads.items()},
            Kept(state.value.t()),
        ),
    ),
    "averaged weights": Regularizer(
        init=lambda params: Kept({name: p.clone() for name, p in params.items()}),
        project=averaged,
        eval_params=lambda params, state: state.value,
        privileges=frozenset({"averaged_weights"}),
    ),
    "a reserve": Regularizer(transform=towards_reserved, reserve=0.2, rate=lambda at: 1.0 / (1.0 + at.step)),
    "an own optimizer": Regularizer(
        claims=lambda roles, shapes: list(shapes)[:1],
        update=own_update,
        hidden=lambda h, site, state, at: h * (1 + 0.1 * at.epoch),
    ),
}
TASKS = ("xor", "sparse_parity", "modular_addition")


def trained(executors, step, leaves=(7, 9), resumed=8):
    """The tables of all evaluations, and the group in the end; a replica leaves at some epochs."""
    executor, other = executors
    tables, (group, _) = [], engine.start(step, (0, 1, 2, 3), "cpu", torch.float64)
    for epoch in range(12):
        if epoch in leaves:
            group = shrink(group, range(len(group.seeds))[1:])
        if epoch == resumed:  # from a checkpoint, by another process
            executor, group = other, replace(group, **copy_training_state(group))
        before = ACTIVITY.steps
        table, pending, _ = executor.evaluate(group, tuple(step.metrics), epoch)
        tables.append(table)
        assert ACTIVITY.steps > before
        before = ACTIVITY.steps
        group = executor.advance(group, epoch, epoch + 1, pending)
        assert ACTIVITY.steps >= before + step.task.steps
    return tables, {name: getattr(group, name) for name in TRAINING_STATE}


@pytest.mark.parametrize("name", METHODS)
def test_every_phase_is_flat(name):
    step = make_step(small(TASKS[list(METHODS).index(name) % len(TASKS)]), [METHODS[name]])
    executors = [FlatExecutor(step, record_after=0) for _ in range(2)]
    assert bits(trained(executors, step)) == bits(trained([EagerExecutor(step)] * 2, step))
    assert [executor.note for executor in executors] == [None, None]
    assert all(any(each.checked for each in flat._calls.values()) for flat in executors[0]._functions.values())
