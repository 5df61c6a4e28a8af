"""Phases that change weights (project, rate, claims and update) and averaged weights, against plain computations."""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from grokbench import Regularizer, engine
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
    passes = Regularizer(
        project=lambda p, s, at: ({k: v + 0.0 * at.forward(at.batch.inputs).sum() for k, v in p.items()}, s)
    )
    keeps = [make_step(parity(), [each]).keeps_params for each in (shrink, looks, branches, passes)]
    assert keeps == [False, True, True, True] and not make_step(parity(), []).keeps_params


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
    absent, one = (Regularizer(claims=lambda r, s, name=n: [name], update=descend) for n in ("nothing", "weight1"))
    with pytest.raises(ValueError, match="claims names 'nothing', expected trained parameters: weight1, "):
        engine.start(make_step(parity(), [absent]), SEEDS, "cpu", torch.float64)
    with pytest.raises(ValueError, match="two methods claim 'weight1'"):
        make_step(parity(), [one, one])
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
    ahead, known = engine.gradients.look_ahead(step, group, 3)
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
