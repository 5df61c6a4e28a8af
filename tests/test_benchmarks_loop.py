"""The benchmarks compare like with like: the plain loop trains what the engine trains."""

import pytest
import torch

from grokbench import engine, random

from .helpers.benchmark_cases import EPOCHS, SEEDS

TASKS = ("sparse_parity", "modular_addition", "mnist_ce", "mnist_mse", "cifar10", "xor", "xor rotated")
METHODS = ("baseline", "grokfast", "orthograd", "grokalign")


class KeyedDraws:
    """The engine's random numbers."""

    def __init__(self, seed, device="cpu"):
        self.key = random.key(seed, device)

    def order(self, epoch, n):
        return random.permutation(random.fold(self.key, "batches", epoch), n)

    def directions(self, epoch, batch, projection, outputs):
        key = random.fold(self.key, "regularizer", epoch, batch, "method", 0, projection)
        return random.normal(key, tuple(outputs.shape), outputs.dtype)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_the_loop_trains_what_the_engine_trains(benchmarks, cases, task, method):
    case, loop = cases[task, method], benchmarks("plain_loop")
    events = engine.train(case.cell, case.step, SEEDS, "cpu", torch.float64)
    runs = [event for event in events if hasattr(event, "curves")]
    for run in runs:
        plain = loop.start(case, run.seed)
        history = [loop.evaluate(plain), *loop.train(plain, EPOCHS, KeyedDraws(run.seed))]
        assert set(history[0]) == set(run.curves)
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx([values[metric] for values in history], rel=1e-6, abs=1e-7)
    assert len(runs) == len(SEEDS)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_loop_and_engine_train_the_same_on_a_cuda_device(benchmarks, cases, task, method):
    case = benchmarks("cases").replace(cases[task, method], device="cuda:0")
    events = engine.train(case.cell, case.step, SEEDS, "cuda:0", torch.float64)
    (run, _) = [event for event in events if hasattr(event, "curves")]
    plain = benchmarks("plain_loop").start(case, run.seed)
    history = benchmarks("plain_loop").train(plain, case.cell.budget, KeyedDraws(run.seed, "cuda:0"))
    last = {metric: curve.values[-1] for metric, curve in run.curves.items()}
    assert history[-1] == pytest.approx(last, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("task", ["modular_addition", "xor"])
def test_every_kind_of_optimizer_trains_the_same(benchmarks, cases, task):
    loop = benchmarks("plain_loop")
    ends = []
    for kind in loop.KINDS:
        ends.append(loop.train(loop.start(cases[task, "grokalign"], 1000, kind), EPOCHS, KeyedDraws(1000))[-1])
    assert ends[0] == pytest.approx(ends[1], rel=1e-9) and ends[0] == pytest.approx(ends[2], rel=1e-9)


def test_the_loop_draws_its_own_numbers_unless_given_some(benchmarks, cases):
    loop, ends = benchmarks("plain_loop"), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        history = loop.train(loop.start(cases["modular_addition", "grokalign"], 1000), EPOCHS)
        assert len(history) == EPOCHS
        ends.append(history[-1]["train_loss"])
    assert ends[0] == ends[1] != ends[2]


def test_the_loop_refuses_methods_it_does_not_know(benchmarks, cases):
    with pytest.raises(ValueError, match="sparse_parity window: .* baseline, .*orthograd, not grokfast_ma"):
        benchmarks("plain_loop").start(cases["sparse_parity", "window"], 1000)
    with pytest.raises(ValueError, match="knows OrthoGrad with rescale"):
        benchmarks("plain_loop").start(cases["sparse_parity", "other_orthograd"], 1000)


def test_the_loop_refuses_the_exact_jacobian(benchmarks):
    outputs = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="by projection, not exactly"):
        benchmarks("plain_methods").jacobian_norm(
            outputs, outputs, torch.randn_like, strength=1.0, norm="squared", estimator="exact", projections=1
        )
