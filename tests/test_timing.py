"""Seconds per epoch: warmed up, interleaved, without evaluations, of rounds whose clocks agree."""

from types import SimpleNamespace

import pytest
import torch

from grokbench import engine
from grokbench.engine import executors, flat_executor, timing
from grokbench.engine.arithmetic import flop_per_epoch
from grokbench.records import CLOCKS_AGREE, TRIES, Cell

from .helpers import small_cells
from .helpers.recipes import RECIPE


def cell(name):
    return Cell("parity", name, f"identity of {name}", RECIPE, 10, 1, {})


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only in training: `seconds` of a step per epoch; `order` is who trained when.

    `shares` of a name are those of its epochs that the process has the CPU for, the last one for ever.
    """
    now = SimpleNamespace(seconds=0.0, cpu=0.0, order=[], shares={})

    def train_epoch(step, group, epoch, pending):
        now.seconds += step.cost
        shares = now.shares.get(step.name, [1.0])
        now.cpu += step.cost * (shares.pop(0) if len(shares) > 1 else shares[0])
        now.order.append(step.name)
        return group

    monkeypatch.setattr(engine, "start", lambda step, seeds, device, dtype: (seeds, 0.0))
    monkeypatch.setattr(executors, "train_epoch", train_epoch)
    monkeypatch.setattr(timing, "make_executor", lambda step, device, record_after: executors.EagerExecutor(step))
    clocks = SimpleNamespace(perf_counter=lambda: now.seconds, process_time=lambda: now.cpu)
    monkeypatch.setattr(timing, "time", clocks)
    monkeypatch.setattr(timing, "CLOCKS_AGREE", CLOCKS_AGREE)
    return now


def measured(device="cpu", **costs):
    steps = [
        SimpleNamespace(name=name, cost=cost, mapped=True, task=SimpleNamespace(full=None))
        for name, cost in costs.items()
    ]
    return list(timing.measure([cell(name) for name in costs], steps, device, torch.float32))


def test_the_figure_is_the_time_of_an_epoch(clock):
    quick, slow = measured(quick=0.01, slow=2.0)
    assert quick.identity == "identity of quick" and slow.identity == "identity of slow"
    assert quick.flop_per_epoch is None  # what cannot be counted is not
    assert quick.seconds_per_epoch == pytest.approx([0.01] * timing.ROUNDS)
    assert slow.seconds_per_epoch == pytest.approx([2.0] * timing.ROUNDS)


def test_methods_take_turns_after_a_warm_up_and_short_epochs_are_repeated(clock):
    measured(quick=0.01, slow=2.0)
    warm_up = ["quick"] * len(WARM_UP) + ["slow"] * len(WARM_UP)
    one_round = ["quick"] * round(timing.LEAST_SECONDS / 0.01) + ["slow"]
    assert clock.order == warm_up + one_round * timing.ROUNDS


WARM_UP = [1.0] * (timing.WARM_UP + 1)  # the epochs before the rounds; the last one tells how long an epoch takes


def test_the_cpu_time_of_each_round_is_kept(clock):
    clock.shares["method"] = [*WARM_UP, 0.95]
    (found,) = measured(method=2.0)
    assert found.cpu_seconds_per_epoch == pytest.approx([1.9] * timing.ROUNDS) and found.refused is None


def test_a_round_whose_clocks_disagree_is_repeated_in_its_turn(clock):
    clock.shares["slow"] = [*WARM_UP, 1.0, 0.85, 1.15, 1.0]  # the second round fails twice
    quick, slow = measured(quick=1.0, slow=2.0)
    assert clock.order[2 * len(WARM_UP) :][:8] == ["quick", "slow", "quick", "slow", "slow", "slow", "quick", "slow"]
    assert quick.seconds_per_epoch == pytest.approx([1.0] * timing.ROUNDS)  # rounds stay pairs
    assert slow.seconds_per_epoch == slow.cpu_seconds_per_epoch == pytest.approx([2.0] * timing.ROUNDS)


@pytest.mark.parametrize("share", [0.5, 1.5])
def test_a_timing_is_refused_after_three_tries_of_a_round(clock, share):
    clock.shares["slow"] = [*WARM_UP, 1.0, share]
    quick, slow = measured(quick=1.0, slow=2.0)
    assert (slow.seconds_per_epoch, slow.cpu_seconds_per_epoch, slow.refused) == ((), None, pytest.approx(share))
    assert len(quick.seconds_per_epoch) == timing.ROUNDS and quick.refused is None
    assert clock.order.count("slow") == len(WARM_UP) + 1 + TRIES  # and is timed no further


def test_cpu_time_means_nothing_on_cuda(clock, monkeypatch):
    monkeypatch.setattr(engine, "synchronize", lambda device: None)
    clock.shares["method"] = [0.1]
    (found,) = measured(device="cuda:0", method=2.0)
    assert found.cpu_seconds_per_epoch is None and len(found.seconds_per_epoch) == timing.ROUNDS


@pytest.mark.parametrize(("costs", "left"), [({"good": 1.0, "bad": None}, ["identity of good"]), ({"bad": None}, [])])
def test_a_method_that_cannot_be_trained_is_left_out(clock, costs, left):
    assert [each.identity for each in measured(**costs)] == left


def test_one_replica_is_trained_alone_and_not_evaluated(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)
    monkeypatch.setattr(flat_executor, "measure", lambda *_: pytest.fail("an evaluation was timed"))
    groups = []
    train_steps = flat_executor.train_steps
    monkeypatch.setattr(flat_executor, "train_steps", lambda *given: groups.append(given[1]) or train_steps(*given))
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
    train_steps = flat_executor.train_steps
    monkeypatch.setattr(
        flat_executor,
        "train_steps",
        lambda *given: widths.add(given[1].params["weight1"].shape[1]) or train_steps(*given),
    )
    steps = [small_cells.make_step(xor(**sizes, rotate=rotate)) for rotate in (True, False)]
    assert len(list(timing.measure([cell("a"), cell("b")], steps, "cpu", torch.float32))) == 2
    assert widths == {60}
