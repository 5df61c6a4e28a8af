"""The engine follows the plain loop, whatever the group, and counts epochs as the design does."""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from grokbench import engine, random
from grokbench.engine import draws, groups, pace, race
from grokbench.engine.groups import ladder
from grokbench.records import Outcome
from grokbench.types import Regularizer

from .cases import (
    METHODS,
    TASKS,
    distance,
    epochs_for,
    make_step,
    method,
    pairs,
    plain,
    replica,
    small,
    train_events,
    train_runs,
    trained,
)

pytestmark = pytest.mark.usefixtures("tiny_data")


@pytest.mark.parametrize(("label", "name"), pairs(["xor", "sparse_parity", "modular_addition", "mnist"]))
def test_a_group_is_the_plain_loop_of_each_seed(label, name):
    task, seeds = small(label), (4, 1000)
    group = trained(task, [method(name)], seeds, epochs_for(task))
    for row, seed in enumerate(seeds):
        assert distance(replica(group.params, row), plain(label, [name], seed, epochs_for(task))[0]) < 1e-9


@pytest.mark.parametrize("name", ["baseline", "grokalign"])
@pytest.mark.parametrize("label", TASKS)
def test_curves_are_those_of_the_plain_loop(label, name):
    task, seeds = small(label), (4, 1000)
    epochs = epochs_for(task)
    for run, seed in zip(train_runs(task, [method(name)], seeds, epochs), seeds, strict=True):
        _, evaluations = plain(label, [name], seed, epochs)
        for metric, curve in run.curves.items():
            assert curve.epochs == tuple(range(epochs + 1))
            assert curve.values == pytest.approx([values[metric] for values in evaluations], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("label", TASKS)
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
    task = small("sparse_parity")
    ends = [trained(task, [method(name)], (0, 1), 5).params for name in METHODS]
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


@pytest.mark.parametrize("label", TASKS)
@pytest.mark.parametrize("name", METHODS)
def test_data_initialisation_and_batches_are_those_of_the_baseline(label, name):
    plain_step, step = make_step(small(label), [method("baseline")]), make_step(small(label), [method(name)])
    begun, other = (engine.start(s, (3, 4), "cpu", torch.float64)[0] for s in (plain_step, step))
    for split in begun.splits:
        assert torch.equal(begun.splits[split].inputs, other.splits[split].inputs)
        assert torch.equal(begun.splits[split].targets, other.splits[split].targets)
    if not step.regularizers[0].prepare:
        assert all(torch.equal(begun.params[key], other.params[key]) for key in begun.params)
    for (batch, _), (same, _) in zip(
        engine.batches(plain_step, begun, 2), engine.batches(step, other, 2), strict=True
    ):
        assert torch.equal(batch.inputs, same.inputs) and torch.equal(batch.targets, same.targets)


@pytest.mark.parametrize("label", ["modular_addition", "mnist"])
def test_an_epoch_is_every_example_once_the_last_smaller_batch_included(label):
    task = small(label)
    step = make_step(task)
    group, _ = engine.start(step, (0, 1), "cpu", torch.float64)
    batches = [batch for batch, _ in engine.batches(step, group, 1)]
    assert [batch.targets.shape for batch in batches] == [(2, 8), (2, 8), (2, 6)]
    seen = torch.cat([batch.inputs for batch in batches], 1)
    for row in range(2):
        assert sorted(seen[row].tolist()) == sorted(group.splits["train"].inputs[row].tolist())
    assert engine.train_epoch(step, group, 1).steps == 3


def test_every_epoch_and_seed_has_a_batch_order_of_its_own():
    step = make_step(small("modular_addition"))
    group, _ = engine.start(step, (0, 1), "cpu", torch.float64)
    first, second = (next(engine.batches(step, group, epoch))[0].inputs for epoch in (1, 2))
    assert not torch.equal(first, second) and not torch.equal(first[0], first[1])


def test_a_batch_larger_than_the_training_set_is_the_whole_set():
    full = trained(small("modular_addition", batch_size=22), [], (0, 1), 3)
    larger = trained(small("modular_addition", batch_size=100), [], (0, 1), 3)
    assert full.steps == larger.steps == 3
    assert all(torch.equal(full.params[name], larger.params[name]) for name in full.params)


def test_the_key_of_a_step_is_the_folded_key_of_its_seed():
    step = make_step(small("modular_addition"))
    group, _ = engine.start(step, (7, 8), "cpu", torch.float64)
    keys = draws.draw(step, group, 5).keys
    for row, seed in enumerate((7, 8)):
        expected = [random.fold(random.key(seed), "regularizer", 5, index) for index in range(3)]
        assert keys[:, row].tolist() == [int(key) for key in expected]


@pytest.mark.parametrize("name", ["baseline", "grokalign"])
def test_the_look_ahead_of_a_full_batch_equals_a_separate_evaluation(monkeypatch, name):
    task = small("sparse_parity")
    ahead = train_runs(task, [method(name)], (0, 1, 2), 12, evaluate_every=3)
    monkeypatch.setattr(pace, "look_ahead", lambda step, group, epoch: (None, {}))
    apart = train_runs(task, [method(name)], (0, 1, 2), 12, evaluate_every=3)
    for run, other in zip(ahead, apart, strict=True):
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx(other.curves[metric].values, rel=1e-12)


def test_evaluations_stand_at_0_at_every_multiple_and_at_the_budget():
    task = small("sparse_parity")
    runs, progress = train_events(task, [], (0, 1), 7, evaluate_every=3)
    assert [run.curves["test_loss"].epochs for run in runs] == [(0, 3, 6, 7)] * 2
    assert [run.epochs for run in runs] == [7, 7]
    assert [(event.epoch, event.seeds) for event in progress] == [(epoch, (0, 1)) for epoch in (0, 3, 6, 7)]


def test_a_criterion_that_holds_before_any_update_is_grokked_at_0():
    runs = train_runs(small("xor"), [], (0, 1), 5, grokked={"test_loss": "> 0"}, stop="grokked")
    assert [(run.outcome, run.grokked_at, run.epochs) for run in runs] == [(Outcome.GROKKED, 0, 0)] * 2


@pytest.mark.parametrize("label", ["xor", "sparse_parity", "modular_addition"])
def test_replicas_that_are_done_do_not_move_the_others(label):
    task, seeds, epochs = small(label), tuple(range(5)), 12
    whole = train_runs(task, [method("grokfast_ma")], seeds, epochs)
    thresholds = sorted(run.curves["train_loss"].values[4] for run in whole)
    grokked = {"train_loss": f"< {(thresholds[1] + thresholds[2]) / 2!r}"}
    raced, progress = train_events(task, [method("grokfast_ma")], seeds, epochs, grokked=grokked, stop="grokked")
    assert any(0 < event.active <= 3 for event in progress)  # the group went down its ladder
    for run, full in zip(raced, whole, strict=True):
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx(full.curves[metric].values[: len(curve.values)], rel=1e-9)
        hits = [e for e, v in enumerate(full.curves["train_loss"].values) if v < float(grokked["train_loss"][2:])]
        assert (run.outcome, run.grokked_at) == ((Outcome.GROKKED, hits[0]) if hits else (Outcome.CENSORED, None))


def test_a_shrunken_group_keeps_the_replicas_that_are_left():
    group = trained(small("sparse_parity"), [method("grokfast_ma")], range(5), 2)
    pending = ({name: p + 1 for name, p in group.params.items()}, torch.arange(5.0))
    smaller, kept = groups.shrink(group, [1, 4]), groups.take(pending, [1, 4])
    assert smaller.seeds == (1, 4)
    assert kept[1].tolist() == [1.0, 4.0]
    for new, old in enumerate((1, 4)):
        assert smaller.keys[new] == group.keys[old]
        for name, p in group.params.items():
            assert torch.equal(smaller.params[name][new], p[old])
            assert torch.equal(smaller.optimizer.mean[name][new], group.optimizer.mean[name][old])
            assert torch.equal(smaller.states[0].ring[name][new], group.states[0].ring[name][old])
            assert torch.equal(kept[0][name][new], p[old] + 1)


@pytest.mark.parametrize(("size", "sizes"), [(1, [2]), (2, [2]), (3, [3, 2]), (5, [5, 3, 2]), (25, [25, 13, 7, 4, 2])])
def test_the_ladder_halves_down_to_two_on_cuda(size, sizes):
    assert ladder(size, "cuda") == sizes


@pytest.mark.parametrize(("size", "sizes"), [(1, [2]), (2, [2]), (3, [3, 2]), (5, [5, 4, 3, 2])])
def test_the_ladder_has_every_size_down_to_two_on_a_cpu(size, sizes):
    assert ladder(size, "cpu") == sizes


def test_a_group_is_never_of_one(monkeypatch):
    sizes = []
    begin = engine.start
    monkeypatch.setattr(race, "start", lambda step, seeds, *to: sizes.append(len(seeds)) or begin(step, seeds, *to))
    (run,) = train_runs(small("sparse_parity"), [], (3,), 5)
    assert sizes == [2] and run.seed == 3 and run.group == (3,)
    (pair, _) = train_runs(small("sparse_parity"), [], (3, 4), 5)
    assert run.curves["test_loss"].values == pair.curves["test_loss"].values  # bit for bit: the same kernels


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


# ---- memory


def exhausting(monkeypatch, largest, after=0):
    """Memory that holds `largest` replicas, and runs out of more after so many evaluations."""
    real, looks = pace.measure, []

    def measure(step, group, *given):
        looks.append(len(group.seeds))
        if len(group.seeds) > largest and len(looks) > after:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(step, group, *given)

    monkeypatch.setattr(pace, "measure", measure)
    return looks


def test_a_group_that_does_not_fit_is_halved_until_it_does(monkeypatch):
    whole = train_runs(small("sparse_parity"), [method("grokalign")], range(7), 6)
    exhausting(monkeypatch, largest=2)
    runs = train_runs(small("sparse_parity"), [method("grokalign")], range(7), 6)
    assert [run.seed for run in runs] == list(range(7))
    assert {run.group for run in runs} == {(0,), (1, 2), (3, 4), (5, 6)}
    for run, other in zip(runs, whole, strict=True):
        assert run.curves["test_loss"].values == pytest.approx(other.curves["test_loss"].values, rel=1e-9)


def test_replicas_that_were_done_when_memory_ran_out_are_not_trained_again(monkeypatch):
    task = small("sparse_parity")
    losses = [run.curves["train_loss"].values[3] for run in train_runs(task, [], range(5), 8)]
    grokked = {"train_loss": f"<= {min(losses)!r}"}
    exhausting(monkeypatch, largest=2, after=6)
    events = train_events(task, [], range(5), 8, grokked=grokked, stop="grokked")[0]
    assert sorted(run.seed for run in events) == list(range(5))
    assert events[losses.index(min(losses))].group == tuple(range(5))


def test_a_pair_that_does_not_fit_is_an_error(monkeypatch):
    exhausting(monkeypatch, largest=1)
    with pytest.raises(torch.OutOfMemoryError):
        train_runs(small("sparse_parity"), [], (0, 1), 3)


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("not enough memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_which_errors_are_of_memory(error, memory):
    from grokbench.memory import exhausted

    assert exhausted(error) == memory


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
