"""Seconds per epoch: warmed up, interleaved, without evaluations."""

from types import SimpleNamespace

import pytest
import torch

from grokbench import engine
from grokbench.engine import executors, timing
from grokbench.engine.arithmetic import flop_per_epoch
from grokbench.records import Cell

from .helpers import small_cells
from .helpers.recipes import RECIPE


def cell(name):
    return Cell("parity", name, f"identity of {name}", RECIPE, 10, 1, {})


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only in training: `seconds` of a step per epoch; `order` is who trained when."""
    now = SimpleNamespace(seconds=0.0, order=[])

    def train_epoch(step, group, epoch, pending):
        now.seconds += step.cost
        now.order.append(step.name)
        return group

    monkeypatch.setattr(engine, "start", lambda step, seeds, device, dtype: (seeds, 0.0))
    monkeypatch.setattr(executors, "train_epoch", train_epoch)
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now.seconds))
    return now


def measured(**costs):
    steps = [
        SimpleNamespace(name=name, cost=cost, mapped=True, task=SimpleNamespace(full=None))
        for name, cost in costs.items()
    ]
    return list(timing.measure([cell(name) for name in costs], steps, "cpu", torch.float32))


def test_the_figure_is_the_time_of_an_epoch(clock):
    quick, slow = measured(quick=0.01, slow=2.0)
    assert quick.identity == "identity of quick" and slow.identity == "identity of slow"
    assert quick.flop_per_epoch is None  # what cannot be counted is not
    assert quick.seconds_per_epoch == pytest.approx([0.01] * timing.ROUNDS)
    assert slow.seconds_per_epoch == pytest.approx([2.0] * timing.ROUNDS)


def test_methods_take_turns_after_a_warm_up_and_short_epochs_are_repeated(clock):
    measured(quick=0.01, slow=2.0)
    warm_up = ["quick"] * 2 + ["slow"] * 2
    one_round = ["quick"] * round(timing.LEAST_SECONDS / 0.01) + ["slow"]
    assert clock.order == warm_up + one_round * timing.ROUNDS


@pytest.mark.parametrize(("costs", "left"), [({"good": 1.0, "bad": None}, ["identity of good"]), ({"bad": None}, [])])
def test_a_method_that_cannot_be_trained_is_left_out(clock, costs, left):
    assert [each.identity for each in measured(**costs)] == left


def test_one_replica_is_trained_alone_and_not_evaluated(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)
    monkeypatch.setattr(executors, "measure", lambda *_: pytest.fail("an evaluation was timed"))
    groups = []
    train_epoch = executors.train_epoch
    monkeypatch.setattr(executors, "train_epoch", lambda *given: groups.append(given[1]) or train_epoch(*given))
    steps = [
        small_cells.make_step(small_cells.small("sparse_parity"), made)
        for made in ((), (small_cells.method("grokalign"),))
    ]
    timings = list(timing.measure([cell("a"), cell("b")], steps, "cpu", torch.float32))
    assert {len(group.keys) for group in groups} == {1}
    counts = [flop_per_epoch(step, engine.start(step, [0], "cpu", torch.float32)[0]) for step in steps]
    assert [each.flop_per_epoch for each in timings] == counts and counts[1] > counts[0] > 0
    assert all(len(each.seconds_per_epoch) == timing.ROUNDS and min(each.seconds_per_epoch) > 0 for each in timings)


def test_a_rotated_task_is_timed_in_its_full_computation(monkeypatch):
    from grokbench.tasks.xor import xor

    sizes, widths = {"dimensions": 60, "width": 4, "samples": 20, "test_samples": 8}, set()
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)
    train_epoch = executors.train_epoch
    monkeypatch.setattr(
        executors,
        "train_epoch",
        lambda *given: widths.add(given[1].params["weight1"].shape[1]) or train_epoch(*given),
    )
    steps = [small_cells.make_step(xor(**sizes, rotate=rotate)) for rotate in (True, False)]
    assert len(list(timing.measure([cell("a"), cell("b")], steps, "cpu", torch.float32))) == 2
    assert widths == {60}
