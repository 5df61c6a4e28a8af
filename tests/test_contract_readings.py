"""Data that a method may read: the training set, the budget, other gradients, reserved examples, its setting."""

import math
from dataclasses import replace

import pytest
import torch
from torch.func import vmap

from grokbench import Regularizer, engine, random
from grokbench.step import StepContext
from grokbench.step.build import build_step

from .helpers.small_cells import distance, make_step, small, trained

SEEDS = (4, 1000)


def parity(**changes):
    return replace(small("sparse_parity"), **changes)


def batched(**changes):
    return replace(small("modular_addition"), **changes)


# ---- training set, budget, second gradients


def test_prepare_gets_the_replicas_own_training_set():
    given = []
    method = Regularizer(prepare=lambda params, task, train, key: given.append(train) or params)
    group, _ = engine.start(make_step(parity(), [method]), SEEDS, "cpu", torch.float64)
    for row, train in enumerate(given):
        assert torch.equal(train.inputs, group.splits["train"].inputs[row])


def test_the_training_set_and_the_budget_have_to_be_declared():
    def mean_input(grads, state, at):
        return {name: g + 0.1 * at.train.inputs.mean() * at.budget for name, g in grads.items()}, state

    with pytest.raises(ValueError, match=r"at.train needs to be declared: Regularizer\(..., needs=frozenset"):
        trained(parity(), [Regularizer(transform=mean_input)], SEEDS, 1)
    declared = Regularizer(transform=mean_input, needs=frozenset({"train", "budget"}))
    step = build_step(batched(), [declared], {}, budget=7)
    group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    shift = 0.1 * 7 * float(group.splits["train"].inputs[0].mean())
    seen = []
    catch = replace(declared, transform=lambda g, s, at: seen.append(at.train.inputs.shape) or mean_input(g, s, at))
    engine.train_epoch(build_step(batched(), [catch], {}, budget=7), group, 0)
    assert set(seen) == {group.splits["train"].inputs.shape[1:]} and shift > 0


def test_a_second_gradient_on_a_batch_of_ones_own_choice_without_penalties():
    big = Regularizer(penalty=lambda local, state, at: 100.0 * at.params["weight1"].square().sum())

    def other(grads, state, at):
        train = at.train
        half = type(train)(train.inputs[:3], train.targets[:3])
        return at.grad_at(at.params, half, penalties=False), state

    needs = {"needs": frozenset({"train"}), "privileges": frozenset({"extra_gradients"})}
    step = build_step(parity(), [big, Regularizer(transform=other, **needs)], {})
    group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    begun = {name: p.clone() for name, p in group.params.items()}
    batch, _ = next(engine.epoch_batches(step, group, 0))

    def plain(params, inputs, targets):
        return step.task.loss(step.task.outputs(params, inputs[:3]), targets[:3])

    wanted = vmap(torch.func.grad(plain))(begun, batch.inputs, batch.targets)
    caught = []
    catching = Regularizer(transform=lambda g, s, at: (caught.append(g) or g, s))
    more = build_step(parity(), [big, Regularizer(transform=other, **needs), catching], {})
    vmapped = engine.updates._through(more, "transform", engine.context_axes(0, 0))
    zero = torch.zeros((), dtype=torch.int64)
    keys = more.keys(group.keys)
    context = StepContext(batch, keys, zero, zero, group.splits["train"])
    states = vmap(more.init)(begun, group.keys)
    grads, _ = vmapped(wanted, begun, states, torch.zeros(2, 4, 2), context)
    assert distance(grads, wanted) < 1e-12


# ---- reserved examples


@pytest.mark.parametrize("batch_size", [None, 7])
def test_reserved_examples_are_in_no_batch_and_shapes_and_order_stay(batch_size):
    task = parity(batch_size=batch_size)
    seen = []
    method = Regularizer(reserve=0.2, transform=lambda g, s, at: (g, s))
    step, plain = make_step(task, [method]), make_step(task, [])
    group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    n = task.train_size
    numbered = group.splits["train"]._replace(targets=torch.arange(n).expand(2, n).clone())
    group = replace(group, own=group.own | {"train": numbered})
    other = replace(engine.start(plain, SEEDS, "cpu", torch.float64)[0], own=group.own)
    for (batch, _), (same, _) in zip(
        engine.epoch_batches(step, group, 0), engine.epoch_batches(plain, other, 0), strict=True
    ):
        assert batch.targets.shape == same.targets.shape
        kept = ~(batch.targets[..., None] == group.reserved.rows[:, None]).any(-1)
        assert kept.all()
        untouched = ~(same.targets[..., None] == group.reserved.rows[:, None]).any(-1)
        assert torch.equal(batch.targets[untouched], same.targets[untouched])
        seen.append(batch.targets)
    assert group.reserved.rows.shape == (2, math.ceil(0.2 * n))


def test_a_method_reads_its_reserved_examples():
    shapes = []
    method = Regularizer(reserve=0.25, transform=lambda g, s, at: (shapes.append(at.reserved.inputs.shape) or g, s))
    trained(parity(), [method], SEEDS, 1)
    assert shapes[0][0] == math.ceil(0.25 * parity().train_size)
    with pytest.raises(ValueError, match=r"at.reserved needs to be declared: Regularizer\(..., reserve=0.01\)"):
        trained(parity(), [Regularizer(transform=lambda g, s, at: (g, at.reserved) and (g, s))], SEEDS, 1)


# ---- the setting


def test_init_may_look_at_the_setting_of_its_replica():
    seen = []
    method = Regularizer(init=lambda params, about: seen.append(about) or (), transform=lambda g, s, at: (g, s))
    trained(batched(), [method], SEEDS, 1)
    about, task = seen[0], batched()
    assert (about.lr, about.train_size, about.steps_per_epoch) == (task.optimizer.lr, task.train_size, task.steps)
    assert about.fans["weight1"] == tuple(task.init(random.key(0))["weight1"].shape) and about.roles == task.roles
