"""The benchmarks compare like with like: engine, plain loop and the authors' procedure train the same networks."""

from dataclasses import replace

import pytest
import torch

from grokbench import engine
from grokbench.records import Use

from .helpers import benchmark_cases
from .helpers.benchmark_cases import EPOCHS, SEEDS, KeyedDraws

pytestmark = pytest.mark.usefixtures("tiny_data")


@pytest.fixture
def case(benchmarks, registry, tmp_path):
    """A function from a task and a method to a very small case."""
    return lambda task, method: benchmark_cases.case(benchmarks, registry, tmp_path, task, method)


CASES = (  # every network and loss, every method, every kind of torch's optimizer
    ("sparse_parity", "grokfast", "fused"),
    ("modular_addition", "orthograd", "foreach"),
    ("mnist_ce", "grokalign", "one by one"),
    ("mnist_mse", "baseline", "foreach"),
    ("cifar10", "grokalign", "fused"),
    ("xor", "grokalign", "one by one"),
    ("xor rotated", "orthograd", "fused"),
)


@pytest.mark.parametrize(("task", "method", "kind"), CASES)
def test_the_loop_has_the_curves_of_the_engine(benchmarks, case, task, method, kind):
    case, loop = case(task, method), benchmarks("plain_loop")
    events = engine.train(case.cell, case.step, SEEDS, "cpu", torch.float64)
    runs = [event for event in events if hasattr(event, "curves")]
    for run in runs:
        plain = loop.start(case, run.seed, kind)
        history = [loop.evaluate(plain), *loop.train(plain, EPOCHS, KeyedDraws(run.seed))]
        assert set(history[0]) == set(run.curves)
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx([values[metric] for values in history], rel=1e-6, abs=1e-7)
    assert len(runs) == len(SEEDS)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("task", "method", "kind"), CASES)
def test_the_loop_ends_where_the_engine_does_on_a_cuda_device(benchmarks, case, task, method, kind):
    case = replace(case(task, method), device="cuda:0")
    events = engine.train(case.cell, case.step, SEEDS, "cuda:0", torch.float64)
    (run, _) = [event for event in events if hasattr(event, "curves")]
    plain = benchmarks("plain_loop").start(case, run.seed, kind)
    history = benchmarks("plain_loop").train(plain, case.cell.budget, KeyedDraws(run.seed, "cuda:0"))
    last = {metric: curve.values[-1] for metric, curve in run.curves.items()}
    assert history[-1] == pytest.approx(last, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(("task", "method"), [("sparse_parity", "grokfast"), ("xor", "grokalign")])
def test_the_authors_procedure_trains_the_network_of_the_loop(benchmarks, case, task, method):
    """Full batch, and one output whose direction is 1 or -1: no random number but the seed's own takes part."""
    authors, loop, case = benchmarks("authors"), benchmarks("plain_loop"), case(task, method)
    theirs, ours = authors.start(replace(case, precision="float32"), 1000, workers=0), loop.start(case, 1000)
    (values,) = authors.train(theirs, 10)
    last = loop.train(ours, 10)[-1]
    for mine, yours in zip(ours.network.parameters(), theirs.plain.network.parameters(), strict=True):
        assert yours.dtype == torch.float64
        torch.testing.assert_close(yours, mine, rtol=1e-9, atol=1e-12)
    assert values == {name: value for name, value in last.items() if name.endswith("accuracy")}


def test_the_loop_refuses_methods_that_it_does_not_know(benchmarks, case):
    with pytest.raises(ValueError, match="sparse_parity window: .* baseline, .*orthograd, not grokfast_ma"):
        benchmarks("plain_loop").start(case("sparse_parity", "window"), 1000)
    with pytest.raises(ValueError, match="knows OrthoGrad with rescale"):
        benchmarks("plain_loop").start(case("sparse_parity", "other_orthograd"), 1000)


def test_the_operations_of_the_floor_are_those_counted_by_hand(benchmarks, case):
    """Modular addition: 22 of 49 pairs train in 3 batches; 14 inputs, 6 hidden units, 7 outputs; 126 weights."""
    effort, forward, every = benchmarks("floor").effort, 2 * 126, 1
    baseline = effort(case("modular_addition", "baseline"))
    step = 22 * (2 * forward + 2 * 6 * 7)  # forward, gradients of weights, gradients of the hidden units
    assert baseline.operations == step + 49 * forward / every
    state = 3 * 126  # weights and both moments
    assert baseline.bytes == 8 * (2 * 3 * state + 22 * 14 + (126 + 49 * 14) / every)
    penalty = 2 * 22 * (2 * forward + 2 * 14 * 6)  # 2 projections: pullback, its weights, its hidden cotangents
    assert effort(case("modular_addition", "grokalign")).operations == baseline.operations + penalty


def test_a_replica_that_fails_is_no_figure(benchmarks, case, monkeypatch):
    from .helpers.tiny import launch_here

    whole = case("modular_addition", "baseline")
    broken = replace(whole.cell.recipe, task=Use("no_such_task", {}))
    monkeypatch.setattr(benchmarks("grouped"), "launch", launch_here)
    with pytest.raises(RuntimeError, match="baseline: seed 1000 was not trained to the end: (?s:.)*no task 'no_such"):
        next(benchmarks("grouped").rounds(replace(whole, cell=replace(whole.cell, recipe=broken)), workers=1))
