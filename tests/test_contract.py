"""Phases that a method may have beyond gradients and penalties, each against a plain loop or a closed form."""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch.func import vmap

from grokbench import Regularizer, engine, random
from grokbench.metrics.standard import accuracy, loss, weight_norm
from grokbench.step.build import build_step

from .helpers.small_cells import distance, make_step, replica, small, train_runs, trained

SEEDS = (4, 1000)


def parity(**changes):
    return replace(small("sparse_parity"), **changes)


def batched(**changes):
    return replace(small("modular_addition"), **changes)


def both(phase, task=None):
    """The parameters of two seeds after three epochs with a method, and with the baseline."""
    task = task or parity()
    return trained(task, [phase], SEEDS, 3).params, trained(task, [], SEEDS, 3).params


# ---- at.params and project


def test_project_gets_the_new_parameters_and_sees_those_of_the_gradient():
    half = Regularizer(project=lambda p, state, at: ({k: at.params[k] + 0.5 * (p[k] - at.params[k]) for k in p}, state))
    rate = Regularizer(rate=lambda at: torch.tensor(0.5))
    halved, full = both(half)
    assert distance(halved, full) > 1e-4
    assert distance(halved, trained(parity(), [rate], SEEDS, 3).params) < 1e-12


def test_parameters_are_copied_only_for_methods_that_look_at_them():
    shrink = Regularizer(project=lambda p, state, at: ({k: 0.9 * v for k, v in p.items()}, state))
    looks = Regularizer(project=lambda p, state, at: ({k: v - 0.0 * at.params[k] for k, v in p.items()}, state))
    branches = Regularizer(project=lambda p, state, at: (p if float(at.step) else p, state))
    keeps = [make_step(parity(), [each]).keeps_params for each in (shrink, looks, branches)]
    assert keeps == [False, True, True] and not make_step(parity(), []).keeps_params


def test_a_prepare_without_the_training_set_is_refused_in_one_sentence():
    old = Regularizer(prepare=lambda params, task, key: params)
    said = r"prepare is called as prepare\(params, task, train, key\), got prepare\(params, task, key\)"
    with pytest.raises(ValueError, match=said):
        build_step(parity(), [old], {})


# ---- rate


def test_a_rate_is_the_schedule_of_torch():
    task = batched()
    total = 3 * task.steps

    def cosine(at):
        return 0.5 * (1.0 + torch.cos(math.pi * at.step / (3 * at.steps_per_epoch)))

    group = trained(task, [Regularizer(rate=cosine)], SEEDS, 3)
    for row, seed in enumerate(SEEDS):
        assert distance(replica(group.params, row), scheduled(task, seed, total)) < 1e-9


def scheduled(task, seed, total):
    """The task's AdamW under torch's cosine schedule, one seed, one loop."""
    step = build_step(task, [], {})
    group, _ = engine.start(step, (seed, seed), "cpu", torch.float64)
    params = {name: p[0].clone().requires_grad_() for name, p in group.params.items()}
    own = task.optimizer
    optimizer = torch.optim.AdamW(params.values(), lr=own.lr, weight_decay=own.weight_decay, betas=own.betas)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    for epoch in range(3):
        for batch, _ in engine.epoch_batches(step, group, epoch):
            optimizer.zero_grad()
            task.loss(task.outputs(params, batch.inputs[0]), batch.targets[0]).backward()
            optimizer.step()
            schedule.step()
    return {name: p.detach() for name, p in params.items()}


def test_a_rate_of_zero_leaves_parameters_where_they_are():
    params, _ = both(Regularizer(rate=lambda at: (at.step > 100).double()))
    begun, _ = engine.start(make_step(parity(), []), SEEDS, "cpu", torch.float64)
    assert distance(params, begun.params) == 0.0


# ---- own updates


def descend(params, grads, state, at):
    return {name: p - 0.1 * grads[name] for name, p in params.items()}, state


def test_claimed_parameters_are_updated_by_the_method_alone_and_the_rest_by_the_optimizer():
    hidden = Regularizer(
        claims=lambda roles, shapes: [n for n, role in roles.items() if role == "hidden"], update=descend
    )
    group = trained(parity(), [hidden], SEEDS, 1)
    begun, _ = engine.start(make_step(parity(), []), SEEDS, "cpu", torch.float64)
    plain = trained(parity(), [], SEEDS, 1)
    ((name,),) = [[n for n, role in parity().roles.items() if role == "hidden"]]
    assert set(group.optimizer.mean) == set(group.params) - {name}
    rest = [each for each in group.params if each != name]
    assert distance({k: group.params[k] for k in rest}, {k: plain.params[k] for k in rest}) < 1e-12
    grad = -(group.params[name] - begun.params[name]) / 0.1
    assert float(grad.norm()) > 0 and distance({name: group.params[name]}, {name: plain.params[name]}) > 1e-4


def test_what_cannot_be_claimed_is_refused():
    for names in (["nothing"], ["weight1", "weight1"]):
        method = Regularizer(claims=lambda roles, shapes, names=names: names, update=descend)
        step = make_step(parity(), [method, method] if names[0] == "weight1" else [method])
        with pytest.raises(ValueError, match="expected trained parameters that no method claims"):
            engine.start(step, SEEDS, "cpu", torch.float64)
    with pytest.raises(ValueError, match="claims and update belong together"):
        Regularizer(update=descend)


# ---- averaged weights


class Mean(NamedTuple):
    params: dict


def averaging():
    def follow(params, state, at):
        return params, Mean({n: 0.9 * state.params[n] + 0.1 * p for n, p in params.items()})

    return Regularizer(
        init=lambda params: Mean({name: p.clone() for name, p in params.items()}),
        project=follow,
        eval_params=lambda params, state: state.params,
        privileges=frozenset({"averaged_weights"}),
    )


@pytest.mark.parametrize("batch_size", [None, 7])
def test_evaluations_see_the_averaged_weights_and_training_the_raw_ones(batch_size):
    task = parity(batch_size=batch_size)
    metrics = {
        "test_loss": loss(),
        "norm": weight_norm(),
        "raw_norm": weight_norm(),
        "train_accuracy": accuracy("train"),
    }
    step = build_step(task, [averaging()], metrics, raw={"raw_norm"})
    group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    for epoch in range(3):
        group = engine.train_epoch(step, group, epoch)
    assert distance(group.params, trained(task, [], SEEDS, 3).params) < 1e-12
    ahead, known = engine.epochs.look_ahead(step, group, 3)
    found = engine.evaluate(step, group, list(metrics), 3, known)
    (state,) = group.states
    for row, values in enumerate(found):
        mean, raw = replica(state.params, row), replica(group.params, row)
        test = {name: part[row] for name, part in zip(("inputs", "targets"), group.splits["test"], strict=True)}
        assert values["test_loss"] == pytest.approx(
            float(task.loss(task.outputs(mean, test["inputs"]), test["targets"]))
        )
        assert values["norm"] == pytest.approx(math.sqrt(sum(float((p**2).sum()) for p in mean.values())))
        assert values["raw_norm"] == pytest.approx(math.sqrt(sum(float((p**2).sum()) for p in raw.values())))
        assert values["norm"] != pytest.approx(values["raw_norm"], abs=1e-6)


def test_a_metric_with_a_cadence_sees_the_averages_of_its_epoch_when_read_later(monkeypatch):
    """Evaluations that are read back together keep what they need."""
    from grokbench.engine import executors

    runs = train_runs(parity(), [averaging()], SEEDS, 4)
    monkeypatch.setattr(executors.EagerExecutor, "steps_between_reads", 8)
    assert [run.final for run in train_runs(parity(), [averaging()], SEEDS, 4)] == [run.final for run in runs]


def test_two_averages_are_refused():
    with pytest.raises(ValueError, match="two methods with eval_params"):
        build_step(parity(), [averaging(), averaging()], {})


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
    context = engine.epochs.StepContext(batch, step.keys(random.key(0)), zero, zero)
    found = torch.func.grad(lambda p: step.objective(p, step.init(p), context)[0])(params)
    assert distance(found, torch.func.grad(objective)(params)) < 1e-12


def test_a_task_without_sites_refuses_a_method_that_acts_on_them():
    blind = parity(forward=lambda params, inputs: inputs @ params["weight1"])
    with pytest.raises(ValueError, match="the task names no hidden sites"):
        build_step(blind, [Regularizer(hidden=lambda h, site, state, at: h)], {})


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
    vmapped = engine.epochs._through(more, "transform", engine.context_axes(0, 0))
    zero = torch.zeros((), dtype=torch.int64)
    keys = more.keys(group.keys)
    context = engine.epochs.StepContext(batch, keys, zero, zero, group.splits["train"])
    states = vmap(more.init)(begun)
    grads, _ = vmapped(wanted, begun, states, torch.zeros(2, 4, 2), context)
    assert distance(grads, wanted) < 1e-12


# ---- reserved examples, periods


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


@pytest.mark.parametrize("every", [{"init": 2}, {"transform": 0}, {"penalty": 2}, {"transform": 1.5}])
def test_a_period_that_cannot_be_meant_is_refused(every):
    with pytest.raises(ValueError, match="every"):
        Regularizer(transform=lambda g, s, at: (g, s), every=every)


def test_init_may_look_at_the_setting_of_its_replica():
    seen = []
    method = Regularizer(init=lambda params, about: seen.append(about) or (), transform=lambda g, s, at: (g, s))
    trained(batched(), [method], SEEDS, 1)
    about, task = seen[0], batched()
    assert (about.lr, about.train_size, about.steps_per_epoch) == (task.optimizer.lr, task.train_size, task.steps)
    assert about.fans["weight1"] == tuple(task.init(random.key(0))["weight1"].shape) and about.roles == task.roles
