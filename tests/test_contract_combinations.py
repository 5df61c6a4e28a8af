"""What a method may know beyond a step, and combinations that cannot be meant: said with their place before a run."""

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from grokbench import Regularizer, engine, from_torch, random
from grokbench.errors import SuiteError
from grokbench.runner.request import Request, resolve
from grokbench.step.build import build_step

from .helpers import tiny
from .helpers.small_cells import distance, make_step, small, trained

SEEDS = (4, 1000)
HALF = Regularizer(rate=lambda at: 0.5 * torch.ones(()))


def parity(**changes):
    return replace(small("sparse_parity"), **changes)


def everything(roles, shapes):
    return list(shapes)


def descent(lr):
    def update(params, grads, state, at):
        return {name: p - lr * at.rate * grads[name] for name, p in params.items()}, state

    return Regularizer(claims=everything, update=update)


def test_an_own_optimizer_reads_the_rate_of_other_methods():
    scheduled = trained(parity(), [descent(0.2), HALF], SEEDS, 3)
    assert distance(scheduled.params, trained(parity(), [descent(0.1)], SEEDS, 3).params) < 1e-12
    assert distance(scheduled.params, trained(parity(), [descent(0.2)], SEEDS, 3).params) > 1e-4


def test_a_torch_optimizer_is_scheduled_like_any_other():
    descents = [from_torch(torch.optim.SGD, lr=lr)() for lr in (0.1, 0.2)]
    slow, scheduled = (trained(parity(), methods, SEEDS, 3) for methods in (descents[:1], [descents[1], HALF]))
    assert distance(slow.params, scheduled.params) < 1e-12


def test_an_own_optimizer_that_ignores_a_schedule_is_refused():
    ignores = Regularizer(claims=everything, update=lambda p, g, state, at: ({n: p[n] - g[n] for n in p}, state))
    with pytest.raises(ValueError, match="multiply its learning rate by at.rate"):
        make_step(parity(), [ignores, HALF])
    with pytest.raises(ValueError, match="multiply its learning rate by at.rate"):
        build_step(parity(), [ignores], {}, settings={"schedule": "cosine"})


def test_a_state_begins_with_draws_of_its_seed_and_method():
    class Drawn(NamedTuple):
        z: Tensor

    def init(params, about):
        return Drawn(random.normal(about.key, (3,), torch.float64))

    method = Regularizer(init=init, transform=lambda grads, state, at: (grads, state))
    group, _ = engine.start(make_step(parity(), [method, method]), SEEDS, "cpu", torch.float64)
    draws = [row for state in group.states for row in state.z]
    assert len({tuple(row.tolist()) for row in draws}) == 4
    alone, _ = engine.start(make_step(parity(), [method]), (1000, 7), "cpu", torch.float64)
    assert torch.equal(alone.states[0].z[0], group.states[0].z[1])


def test_prepare_can_call_a_network_with_frozen_parameters():
    task, seen = small("modular_transformer_frozen"), []

    def prepare(params, task, train, key):
        assert not task.frozen & set(params)
        seen.append(task.outputs(params, train.inputs))
        return params

    engine.start(make_step(task, [Regularizer(prepare=prepare)]), SEEDS, "cpu", torch.float64)
    key = random.fold(random.key(4), "task")
    torch.testing.assert_close(seen[0], task.outputs(task.init(key), task.splits(key)["train"].inputs))


def test_a_prepare_without_the_training_set_is_refused_in_one_sentence():
    old = Regularizer(prepare=lambda params, task, key: params)
    said = r"prepare is called as prepare\(params, task, train, key\), got prepare\(params, task, key\)"
    with pytest.raises(ValueError, match=said):
        build_step(parity(), [old], {})


def test_averages_and_architecture_are_privileges_without_being_declared():
    assert Regularizer(eval_params=lambda params, state: params).privileges == {"averaged_weights"}
    assert Regularizer(hidden_always=lambda h, site: h).privileges == {"architecture"}


def test_a_class_whose_step_needs_a_closure_is_no_method():
    with pytest.raises(TypeError, match="LBFGS.step needs closure"):
        from_torch(torch.optim.LBFGS)


# ---- before a run


PLUGIN = """\
from grokbench import Regularizer, hookimpl


def descend(params, grads, state, at):
    return {name: p - 0.1 * grads[name] for name, p in params.items()}, state


def one() -> Regularizer:
    return Regularizer(claims=lambda roles, shapes: ["weight1"], update=descend)


def all_of_them() -> Regularizer:
    return Regularizer(claims=lambda roles, shapes: list(shapes), update=descend)


def mean() -> Regularizer:
    return Regularizer(eval_params=lambda params, state: params)


def other_mean() -> Regularizer:
    return Regularizer(eval_params=lambda params, state: params)


def wide() -> Regularizer:
    return Regularizer(refuses=lambda task: "it is too narrow" if task.train_size < 100 else None)


def careless() -> Regularizer:
    return Regularizer(refuses=lambda task: task.facts["nothing"])


@hookimpl
def grokbench_regularizers():
    yield from (one, all_of_them, mean, other_mean, wide, careless)
"""


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("a: {use: [one, all_of_them]}", "regularizers.a: on parity: two methods claim 'weight1'"),
        ("a: {use: [mean, other_mean]}", "regularizers.a: on parity: two methods with eval_params"),
        ("a: {use: one, optimizer: {schedule: cosine}}", "regularizers.a: on parity: the learning rate has a schedule"),
        ("careless: {}", "regularizers.careless: careless refuses parity: its `refuses` raises KeyError: 'nothing'"),
        ("wide: {}", "regularizers.wide: wide refuses parity: it is too narrow; skip the cell: skip: [{task: parity,"),
    ],
)
def test_what_cannot_be_trained_is_said_with_its_place(tmp_path, entry, said):
    tiny.write(tmp_path, PLUGIN, "mine.py")
    suite = tiny.write(tmp_path, tiny.SUITE.replace("orthograd: {}", entry) + "plugins: [mine.py]\n", "s.yaml")
    with pytest.raises(SuiteError) as caught:
        resolve(Request(str(suite), device="cpu"))
    assert f"s.yaml:8:3: {said}" in str(caught.value)


def test_a_method_that_is_added_skips_the_tasks_that_it_refuses(tmp_path):
    file = tiny.write(tmp_path, PLUGIN, "mine.py")
    plan = resolve(
        Request(str(tiny.write(tmp_path, tiny.SUITE, "s.yaml")), device="cpu", plugins=(str(file),), methods=("wide",))
    )
    assert [skip.why for skip in plan.manifest.skipped] == ["refused by the method: it is too narrow"]


def test_an_added_method_is_trained_beside_the_selected_ones(tmp_path):
    suite = str(tiny.write(tmp_path, tiny.SUITE, "s.yaml"))
    chosen = {"device": "cpu", "methods": ("slow: {use: grokfast_ema, alpha: {grid: [0.9, 0.99]}}",)}
    plan = resolve(Request(suite, regularizers=("baseline",), **chosen))
    assert [cell.regularizer for cell in plan.cells] == ["baseline", "slow[alpha=0.9]", "slow[alpha=0.99]"]
    plan = resolve(Request(suite, regularizers=("slow[alpha=0.9]",), **chosen))
    assert [cell.regularizer for cell in plan.cells] == ["slow[alpha=0.9]"]
