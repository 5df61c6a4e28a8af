"""Where a cell's time goes, with a clock that the tests turn."""

from types import SimpleNamespace

import pytest
import torch

from grokbench.engine import profiling
from grokbench.records import Cell

from .helpers.recipes import RECIPE
from .helpers.small_cells import make_step, method, small

CELL = Cell("parity", "method", "identity", RECIPE, 10, 5, {})


@pytest.fixture
def ticking(monkeypatch):
    """A second passes between any two looks at the clock."""
    now = SimpleNamespace(time=0.0)

    def look():
        now.time += 1.0
        return now.time

    monkeypatch.setattr(profiling, "time", SimpleNamespace(perf_counter=look))
    monkeypatch.setattr(profiling, "LEAST_SECONDS", 100.0)


def profile(label="modular_addition", methods=("grokfast_ema",), seeds=(0, 1, 2)):
    step = make_step(small(label), [method(name) for name in methods])
    return profiling.profile(CELL, step, seeds, "cpu", torch.float32)


def test_every_phase_has_its_share_and_the_shares_make_the_whole(ticking):
    found = profile()
    assert list(found.seconds) == ["batches", "forward", "backward", "transform", "optimizer", "rest", "evaluation"]
    assert sum(found.share(phase) for phase in found.seconds) == pytest.approx(1.0)
    # three batches an epoch, each phase of which lasts a second; the order is drawn and the keys folded before
    per_epoch = {phase: 3 * seconds for phase, seconds in found.seconds.items()}
    assert per_epoch["forward"] == per_epoch["backward"] == per_epoch["transform"] == per_epoch["optimizer"] == 3.0
    assert per_epoch["batches"] == 4.0 and per_epoch["rest"] > 0.0


def test_an_evaluation_counts_as_often_as_there_are_evaluations(ticking):
    assert profile().seconds["evaluation"] == pytest.approx(1.0 / 5 / 3)


def test_a_method_without_a_transform_spends_nothing_there(ticking):
    assert profile(methods=()).seconds["transform"] == 0.0


def test_one_seed_is_profiled_beside_a_copy(monkeypatch):
    monkeypatch.setattr(profiling, "LEAST_SECONDS", 0.0)
    assert profile("sparse_parity", seeds=(3,)).total > 0.0
