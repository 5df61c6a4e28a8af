"""How many replicas train together: by weight, and on CUDA by what small groups hold."""

import math
from types import SimpleNamespace

import pytest
import torch

from grokbench import engine
from grokbench.engine import group_size
from grokbench.launchers.interface import memory_fraction

from .helpers.small_cells import make_cell, make_step, method, small

pytestmark = pytest.mark.usefixtures("tiny_data")


def test_the_size_of_a_group_follows_from_the_size_of_a_replica(monkeypatch):
    step = make_step(small("sparse_parity"))
    weight = engine.replica_size(step.task)
    assert engine.estimated_group_size(step, weight, "cpu", torch.float32) == (group_size.LARGEST_GROUP["cpu"], True)
    params, data = weight
    replica = 4 * (4 * sum(p.numel() for p in params.values()) + data)
    monkeypatch.setattr(group_size, "CPU_MEMORY", 3 * replica)
    assert engine.estimated_group_size(step, weight, "cpu", torch.float32) == (3, True)
    # one and a half fit, and a group is never of one
    assert engine.estimated_group_size(step, weight, "cpu", torch.float64).replicas == 2
    heavy = make_step(step.task, [method("grokfast_ma")])
    assert engine.estimated_group_size(heavy, weight, "cpu", torch.float32).replicas == 2


def test_a_large_task_is_not_drawn_to_find_its_size(monkeypatch):
    task = small("sparse_parity")
    drawn, data = engine.replica_size(task)
    monkeypatch.setattr(group_size, "DRAWN", 100)
    shapes, counted = engine.replica_size(task)
    assert {p.device.type for p in drawn.values()} == {"cpu"} and {p.device.type for p in shapes.values()} == {"meta"}
    assert {name: p.shape for name, p in drawn.items()} == {name: p.shape for name, p in shapes.items()}
    assert data == counted


@pytest.mark.parametrize(
    ("free", "peaks", "size"),
    [
        (1000, {2: 300, 4: 500}, 9),  # 100 that no replica holds, and 100 for each
        (299, {2: 300, 4: 500}, 1),
        (1000, {2: 300, 4: 300}, 702),  # what they hold is not seen
        (1000, {2: 300}, 2),
        (1000, {}, 2),
    ],
)
def test_the_replicas_that_fit_are_found_from_what_two_and_four_hold(free, peaks, size):
    def peak(replicas):
        if replicas not in peaks:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return peaks[replicas]

    assert group_size.fitting(free, peak) == size


def test_a_mistake_in_a_plugin_is_not_taken_for_want_of_memory():
    def peak(replicas):
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        group_size.fitting(1000, peak)


@pytest.mark.parametrize(
    ("total", "sharing", "size"),
    [(1000, 1, (32, True)), (999, 1, (32, False)), (999, 4, (31, False)), (1000, 2, (32, False)), (50, 1, (6, False))],
)
def test_a_group_on_cuda_fits_surely_where_four_times_as_many_would(monkeypatch, total, sharing, size):
    """A replica weighs 1 / 128 of nine tenths of 1000 times some bytes."""
    step = make_step(small("sparse_parity"))
    weight, byte = (
        engine.replica_size(step.task),
        group_size._bytes(step, engine.replica_size(step.task), torch.float32) * 128 / 900,
    )
    properties = SimpleNamespace(total_memory=math.ceil(total * byte))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    assert engine.estimated_group_size(step, weight, "cuda:0", torch.float32, memory_fraction(sharing)) == size


@pytest.mark.parametrize(("total", "sharing", "size"), [(1000, 1, 7), (1000, 2, 3), (100, 2, 2), (10000, 1, 32)])
def test_measured_sizes_are_limited_to_the_share_of_a_worker(monkeypatch, total, sharing, size):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=total))
    monkeypatch.setattr(group_size, "_peak", lambda step, device, dtype, replicas: 100 + 110 * replicas)
    step, share = make_step(small("sparse_parity")), memory_fraction(sharing)
    assert engine.measured_group_size(step, "cuda:0", torch.float32, share) == size


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("label", ["sparse_parity", "mnist"])
def test_a_group_holds_on_cuda_about_what_was_measured(label):
    """Four replicas more than the trial had, recorded, against the line through what two and four held."""
    step = make_step(small(label))
    two, four = (group_size._peak(step, "cuda:0", torch.float32, replicas) for replicas in (2, 4))
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    list(engine.train(make_cell(step.task, 4), step, range(8), "cuda:0", torch.float32))
    expected = two + 3 * (four - two)
    assert torch.cuda.max_memory_allocated() <= 1.5 * expected + 2**28  # libraries take workspaces for a recording
