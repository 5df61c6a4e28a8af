"""Hidden activations, and phases that run in every kth step."""

from dataclasses import replace

import pytest
import torch

from grokbench import Regularizer, random
from grokbench.step import StepContext
from grokbench.step.build import build_step

from .helpers.small_cells import distance, small, trained

SEEDS = (4, 1000)


def parity(**changes):
    return replace(small("sparse_parity"), **changes)


def batched(**changes):
    return replace(small("modular_addition"), **changes)


# ---- hidden activations


@pytest.mark.parametrize("label", ["sparse_parity", "modular_addition", "modular_transformer", "xor"])
def test_hidden_acts_in_training_alone_and_hidden_always_everywhere(label, tiny_data):
    task = small(label)
    sites = set()
    double = Regularizer(hidden_always=lambda h, site: sites.add(site) or 2.0 * h)
    train_only = Regularizer(hidden=lambda h, site, state, at: 2.0 * h)
    params = task.init(random.key(0))
    inputs = task.splits(random.key(0))["train"].inputs
    plain = build_step(task, [], {}).task.outputs(params, inputs)
    assert not torch.allclose(build_step(task, [double], {}).task.outputs(params, inputs), plain) and sites
    assert torch.equal(build_step(task, [train_only], {}).task.outputs(params, inputs), plain)
    always, training = (trained(task, [each], SEEDS, 2) for each in (double, train_only))
    assert distance(always.params, training.params) < 1e-12  # the same gradients
    assert distance(always.params, trained(task, [], SEEDS, 2).params) > 1e-6


def test_a_penalty_sees_hidden_activations_and_its_gradient_is_theirs():
    task = parity()
    sizes = Regularizer(penalty=lambda local, state, at: sum(h.square().mean() for h in local.hidden.values()))
    step = build_step(task, [sizes], {})
    params = task.init(random.key(0))
    batch = task.splits(random.key(0))["train"]

    def objective(params):
        h1 = (batch.inputs @ params["weight1"] + params["bias1"]).relu()
        h2 = (h1 @ params["weight2"] + params["bias2"]).relu()
        outputs = h2 @ params["weight3"] + params["bias3"]
        return task.loss(outputs, batch.targets) + h1.square().mean() + h2.square().mean()

    zero = torch.zeros((), dtype=torch.int64)
    context = StepContext(batch, step.keys(random.key(0)), zero, zero)
    found = torch.func.grad(lambda p: step.objective(p, step.init(p, random.key(0)), context)[0])(params)
    assert distance(found, torch.func.grad(objective)(params)) < 1e-12


def test_a_task_without_sites_refuses_a_method_that_acts_on_them():
    blind = parity(forward=lambda params, inputs: inputs @ params["weight1"])
    with pytest.raises(ValueError, match="the task names no hidden sites"):
        build_step(blind, [Regularizer(hidden=lambda h, site, state, at: h)], {})


# ---- periods


def test_a_phase_with_a_period_runs_in_every_kth_step_alone():
    calls = []
    task = batched()
    method = Regularizer(transform=lambda g, s, at: (calls.append(1) or g, s), every={"transform": 3})
    trained(task, [method], SEEDS, 2)
    assert len(calls) == -(-2 * task.steps // 3)
    zeroed = Regularizer(transform=lambda g, s, at: ({k: 0.0 * v for k, v in g.items()}, s), every={"transform": 3})

    def in_steps(grads, state, at):
        return {k: v * (at.step % 3 != 0) for k, v in grads.items()}, state

    always = Regularizer(transform=in_steps)
    assert distance(*(trained(task, [each], SEEDS, 2).params for each in (zeroed, always))) < 1e-12


@pytest.mark.parametrize(
    ("every", "message"),
    [
        ({"init": 2}, r"`every` has the key 'init', expected phases of .* that need not run in every step: transform"),
        ({"penalty": 2}, "`every` has the key 'penalty', expected .*: transform"),
        ({"transform": 0}, r"every\['transform'\] must be a whole number of at least 1, got 0"),
        ({"transform": 1.5}, r"every\['transform'\] must be a whole number of at least 1, got 1.5"),
    ],
)
def test_a_period_that_cannot_be_meant_is_refused(every, message):
    with pytest.raises(ValueError, match=message):
        Regularizer(transform=lambda g, s, at: (g, s), every=every)
