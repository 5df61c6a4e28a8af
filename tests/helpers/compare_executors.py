"""Trainings of one cell by several executors, and their comparison."""

import pytest
import torch

from grokbench import engine
from grokbench.records import Run

SEEDS = (0, 1, 2, 3, 4)
LABELS = ["xor", "sparse_parity", "modular_addition", "mnist"]
SLOW = ["cifar10", "modular_transformer"]


def trained(monkeypatch, way, cell, step):
    monkeypatch.setattr(engine, "make_executor", lambda step, device, **how: way(step))
    events = engine.train(cell, step, SEEDS, "cpu", torch.float64)
    return {event.seed: event for event in events if isinstance(event, Run)}


def same(left, right, rel=1e-11, abs=1e-13):
    assert set(left) == set(right)
    for seed, run in left.items():
        other = right[seed]
        assert (run.outcome, run.grokked_at, run.epochs) == (other.outcome, other.grokked_at, other.epochs)
        for label, curve in run.curves.items():
            assert curve.epochs == other.curves[label].epochs
            assert curve.values == pytest.approx(other.curves[label].values, rel=rel, abs=abs)
