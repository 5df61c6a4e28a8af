"""The engine follows the plain loop, whatever the group, and counts epochs as the design does."""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from grokbench import engine
from grokbench.conformance import short_runs
from grokbench.engine import executors
from grokbench.engine.mapping import over_replicas
from grokbench.records import Outcome
from grokbench.regularizer import Regularizer

from .helpers.small_cells import (
    METHODS,
    TASKS,
    distance,
    epochs_for,
    make_step,
    method,
    plain,
    replica,
    small,
    spread,
    train_events,
    train_runs,
    trained,
)

pytestmark = pytest.mark.usefixtures("tiny_data")


AMPLIFIED = {"soap": 10}  # how much more rounding moves a method: the eigenvectors of a nearly singular matrix turn


@pytest.mark.parametrize(("label", "name"), spread(["xor", "sparse_parity", "modular_addition", "mnist"], 2))
def test_a_group_is_the_plain_loop_of_each_seed(label, name):
    task, seeds = small(label), (4, 1000)
    group = trained(task, [method(name)], seeds, epochs_for(task))
    for row, seed in enumerate(seeds):
        found = distance(replica(group.params, row), plain(label, [name], seed, epochs_for(task))[0])
        assert found < 1e-9 * AMPLIFIED.get(name, 1)


@pytest.mark.parametrize("label", TASKS)
def test_curves_are_those_of_the_plain_loop(label):
    task, seeds = small(label), (4, 1000)
    epochs = epochs_for(task)
    for run, seed in zip(train_runs(task, [method("grokalign")], seeds, epochs), seeds, strict=True):
        _, evaluations = plain(label, ["grokalign"], seed, epochs)
        for metric, curve in run.curves.items():
            assert curve.epochs == tuple(range(epochs + 1))
            assert curve.values == pytest.approx([values[metric] for values in evaluations], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("label", "size"), [("sparse_parity", 3), ("mnist", 5)])
def test_groups_of_other_sizes_are_the_plain_loop_too(label, size):
    task, seeds = small(label), range(size)
    group = trained(task, [method("baseline")], seeds, epochs_for(task))
    for row, seed in enumerate(seeds):
        assert distance(replica(group.params, row), plain(label, ["baseline"], seed, epochs_for(task))[0]) < 1e-9


@pytest.mark.parametrize("label", ["sparse_parity", "modular_addition"])
def test_combined_methods_act_in_order_and_draw_apart(label):
    task, names = small(label), ["orthograd", "grokalign", "grokfast_ema"]
    group = trained(task, [method(name) for name in names], (0, 1), epochs_for(task))
    for row in range(2):
        assert distance(replica(group.params, row), plain(label, names, row, epochs_for(task))[0]) < 1e-9


def test_the_trajectory_differs_between_methods():
    steps = [make_step(small("sparse_parity"), [method(name)]) for name in METHODS]
    groups = [(step, short_runs.trained(step, (0, 1), 5)) for step in steps]
    ends = [over_replicas(step, step.evaluated)(group.params, group.states) for step, group in groups]
    for number, params in enumerate(ends):
        for other in ends[:number]:
            assert distance(params, other) > 1e-9


def test_float32_starts_from_the_same_numbers_and_stays_close():
    task = small("sparse_parity")
    single, double = (trained(task, [], (0, 1), 20, dtype) for dtype in (torch.float32, torch.float64))
    assert all(p.dtype == torch.float32 for p in single.params.values())
    assert distance({n: p.double() for n, p in single.params.items()}, double.params) < 1e-3
    begun, _ = engine.start(make_step(task), (0, 1), "cpu", torch.float32)
    exact, _ = engine.start(make_step(task), (0, 1), "cpu", torch.float64)
    assert all(torch.equal(begun.params[name], p.float()) for name, p in exact.params.items())


@pytest.mark.parametrize(("label", "name"), spread(list(TASKS)))
def test_data_initialisation_and_batches_are_those_of_the_baseline(label, name):
    step = make_step(small(label), [method(name)])
    plain_step = make_step(small(label), [Regularizer(reserve=step.reserve)])  # reserved rows are replaced in batches
    begun, other = (engine.start(s, (3, 4), "cpu", torch.float64)[0] for s in (plain_step, step))
    for split in begun.splits:
        assert torch.equal(begun.splits[split].inputs, other.splits[split].inputs)
        assert torch.equal(begun.splits[split].targets, other.splits[split].targets)
    if not step.regularizers[0].prepare:
        assert all(torch.equal(begun.params[key], other.params[key]) for key in begun.params)
    for (batch, _), (same, _) in zip(
        engine.epoch_batches(plain_step, begun, 2), engine.epoch_batches(step, other, 2), strict=True
    ):
        assert torch.equal(batch.inputs, same.inputs) and torch.equal(batch.targets, same.targets)


@pytest.mark.parametrize("label", ["modular_addition", "mnist"])
def test_an_epoch_is_every_example_once_the_last_smaller_batch_included(label):
    task = small(label)
    step = make_step(task)
    group, _ = engine.start(step, (0, 1), "cpu", torch.float64)
    batches = [batch for batch, _ in engine.epoch_batches(step, group, 1)]
    assert [batch.targets.shape for batch in batches] == [(2, 8), (2, 8), (2, 6)]
    seen = torch.cat([batch.inputs for batch in batches], 1)
    for row in range(2):
        assert sorted(seen[row].tolist()) == sorted(group.splits["train"].inputs[row].tolist())
    assert engine.train_epoch(step, group, 1).steps == 3


def test_every_epoch_and_seed_has_a_batch_order_of_its_own():
    step = make_step(small("modular_addition"))
    group, _ = engine.start(step, (0, 1), "cpu", torch.float64)
    first, second = (next(engine.epoch_batches(step, group, epoch))[0].inputs for epoch in (1, 2))
    assert not torch.equal(first, second) and not torch.equal(first[0], first[1])


def test_a_batch_larger_than_the_training_set_is_the_whole_set():
    full = trained(small("modular_addition", batch_size=22), [], (0, 1), 3)
    larger = trained(small("modular_addition", batch_size=100), [], (0, 1), 3)
    assert full.steps == larger.steps == 3
    assert all(torch.equal(full.params[name], larger.params[name]) for name in full.params)


@pytest.mark.parametrize("name", ["baseline", "grokalign"])
def test_the_look_ahead_of_a_full_batch_equals_a_separate_evaluation(monkeypatch, name):
    task = small("sparse_parity")
    ahead = train_runs(task, [method(name)], (0, 1, 2), 12, evaluate_every=3)
    monkeypatch.setattr(executors, "look_ahead", lambda step, group, epoch: (None, {}))
    apart = train_runs(task, [method(name)], (0, 1, 2), 12, evaluate_every=3)
    for run, other in zip(ahead, apart, strict=True):
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx(other.curves[metric].values, rel=1e-12)


def test_an_evaluation_computes_the_outputs_of_its_splits_once_and_no_others():
    task, calls = small("sparse_parity"), []
    counted = replace(task, forward=lambda params, x: calls.append(len(x)) or task.forward(params, x))
    step = make_step(counted)
    group, _ = engine.start(step, (0, 1), "cpu", torch.float32)
    known = {"train": task.forward({name: p[0] for name, p in group.params.items()}, group.own["train"].inputs)}
    for labels, given, forward in (
        (["train_loss"], {}, 1),
        (["test_loss", "test_accuracy"], {}, 1),
        (["train_loss", "train_accuracy", "test_loss", "test_accuracy"], {}, 2),
        (["train_loss", "train_accuracy"], known, 0),
        ([], {}, 0),
    ):
        calls.clear()
        engine.measure(step, group, labels, 0, given)
        assert len(calls) == forward, labels


def test_evaluations_stand_at_0_at_every_multiple_and_at_the_budget():
    task = small("sparse_parity")
    runs, progress = train_events(task, [], (0, 1), 7, evaluate_every=3)
    assert [run.curves["test_loss"].epochs for run in runs] == [(0, 3, 6, 7)] * 2
    assert [run.epochs for run in runs] == [7, 7]
    assert [(event.epoch, event.seeds) for event in progress] == [(epoch, (0, 1)) for epoch in (0, 3, 6, 7)]


def test_a_criterion_that_holds_before_any_update_is_grokked_at_0():
    runs = train_runs(small("xor"), [], (0, 1), 5, grokked={"test_loss": "> 0"}, stop="grokked")
    assert [(run.outcome, run.grokked_at, run.epochs) for run in runs] == [(Outcome.GROKKED, 0, 0)] * 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_huge_learning_rate_diverges_and_harms_nobody_else(dtype):
    runs = train_runs(small("xor", lr=1e30), [], (0, 1), 40, dtype=dtype)
    assert {run.outcome for run in runs} == {Outcome.DIVERGED}
    assert all(run.grokked_at is None and run.epochs < 40 for run in runs)


def test_a_penalty_that_is_no_number_diverges_though_its_gradient_is_one():
    method = Regularizer(penalty=lambda local, state, at: (local.outputs.square().mean() - 1e9).log())
    for run in train_runs(small("xor"), [method], (0, 1), 3):
        assert run.outcome is Outcome.DIVERGED and math.isfinite(run.final["train_loss"])


def test_one_diverging_replica_leaves_the_others_alone():
    task = small("sparse_parity")
    step = make_step(task)
    group, _ = engine.start(step, (0, 1, 2), "cpu", torch.float64)
    broken = {name: p.clone() for name, p in group.params.items()}
    broken["weight1"][1] = float("inf")
    for epoch in range(5):
        group = engine.train_epoch(step, group, epoch)
    sick = replace(engine.start(step, (0, 1, 2), "cpu", torch.float64)[0], params=broken)
    for epoch in range(5):
        sick = engine.train_epoch(step, sick, epoch)
    assert sick.finite.tolist() == [True, False, True]
    for row in (0, 2):
        assert distance(replica(sick.params, row), replica(group.params, row)) < 1e-12


def test_a_metric_with_its_own_interval_is_measured_then_and_at_the_end():
    from grokbench.metrics.standard import weight_norm

    task = small("sparse_parity")
    step = make_step(task, metrics={"norm": weight_norm()}, every={"norm": 4})
    runs = train_runs(task, [], (0, 1), 10, step=step)
    assert [run.curves["norm"].epochs for run in runs] == [(0, 4, 8, 10)] * 2
    assert all(run.final["norm"] == run.curves["norm"].values[-1] for run in runs)


def test_an_epoch_in_a_phase_counts_the_completed_ones():
    from grokbench import Regularizer

    seen = []

    def transform(grads, state, at):
        seen.append((int(at.step), int(at.epoch)))
        return grads, state

    trained(small("modular_addition"), [Regularizer(transform=transform)], (0, 1), 2)
    assert seen == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]


def test_training_twice_gives_the_same_numbers():
    task = small("modular_addition")
    first, second = (train_runs(task, [method("grokalign")], (0, 1, 2), 4) for _ in range(2))
    assert [run.curves for run in first] == [run.curves for run in second]


# ---- states


class Kept(NamedTuple):
    """Parameters of an earlier time, kept as they are."""

    first: dict
    last: dict


def pull(grads, state, at):
    """Pull to the initialisation, and away from the parameters of the step before."""
    far, fast = ({n: p - kept[n] for n, p in at.params.items()} for kept in state)
    moved = {n: g + 0.1 * far[n] - 0.05 * fast[n] for n, g in grads.items()}
    return moved, Kept(state.first, dict(at.params))


def pull_from_copies(grads, state, at):
    moved, (first, last) = pull(grads, state, at)
    return moved, Kept({n: p.clone() for n, p in first.items()}, {n: p.clone() for n, p in last.items()})


@pytest.mark.parametrize("label", ["xor", "sparse_parity", "modular_addition"])
def test_a_state_may_keep_parameters_as_they_are(label):
    task = small(label)
    kept = Regularizer(init=lambda params: Kept(dict(params), dict(params)), transform=pull)
    copied = Regularizer(
        init=lambda params: Kept(*({n: p.clone() for n, p in params.items()} for _ in range(2))),
        transform=pull_from_copies,
    )
    ends = [trained(task, [method_], (0, 1), epochs_for(task)).params for method_ in (kept, copied)]
    assert all(torch.equal(ends[0][name], p) for name, p in ends[1].items())
    assert distance(ends[0], trained(task, [], (0, 1), epochs_for(task)).params) > 1e-6
