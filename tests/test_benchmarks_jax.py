"""The JAX loop of the benchmarks trains the networks of the plain loop."""

import numpy as np
import pytest
import torch

from .helpers import benchmark_cases
from .helpers.benchmark_cases import EPOCHS, SEEDS, KeyedDraws

jax = pytest.importorskip("jax", reason="the extra `jax` is not installed")
pytestmark = pytest.mark.usefixtures("tiny_data")


class TableDraws:
    """The engine's random numbers of all epochs, drawn before; a seed's key is its row in the tables."""

    def __init__(self, case, classes):
        n, size = case.step.task.train_size, case.step.task.batch_size or case.step.task.train_size
        steps, projections, seeds = case.step.task.steps, 2, [KeyedDraws(seed) for seed in SEEDS]
        self.steps, self.size = steps, size
        self.orders = np.stack([[draws.order(epoch, n) for epoch in range(EPOCHS)] for draws in seeds])
        self.tables = np.zeros((len(seeds), EPOCHS * steps, projections, size, classes))
        for row, step, projection in np.ndindex(self.tables.shape[:3]):
            count = min(size, n - step % steps * size)
            like = torch.zeros(count, classes, dtype=torch.float64)
            drawn = seeds[row].directions(step // steps, step % steps, projection, like)
            self.tables[row, step, projection, :count] = drawn

    def order(self, key, epoch, n):
        return jax.numpy.asarray(self.orders)[key, epoch]

    def directions(self, key, step, projection, outputs):
        return jax.numpy.asarray(self.tables)[key, step, projection][: len(outputs)]


CASES = (  # every activation, loss and optimizer, full batches and a smaller last batch, both maps
    ("sparse_parity", "baseline", 2, "vmap"),
    ("modular_addition", "grokalign", 7, "vmap"),
    ("mnist_mse", "grokalign", 10, "map"),
    ("xor rotated", "grokalign", 1, "map"),
)


@pytest.mark.parametrize(("task", "method", "classes", "kind"), CASES)
def test_the_jax_loop_has_the_curves_of_the_plain_loop(benchmarks, registry, tmp_path, task, method, classes, kind):
    case, plain_loop = benchmark_cases.case(benchmarks, registry, tmp_path, task, method), benchmarks("plain_loop")
    with jax.enable_x64(True):
        loop = benchmarks("jax_loop").start(case, kind, TableDraws(case, classes), jax.numpy.arange(len(SEEDS)))
        values = loop.advance()
    for row, seed in enumerate(SEEDS):
        plain = plain_loop.start(case, seed)
        history = [plain_loop.evaluate(plain), *plain_loop.train(plain, EPOCHS, KeyedDraws(seed))]
        assert set(history[0]) == set(values) and len(history) <= next(iter(values.values())).shape[1]
        for metric, found in values.items():
            expected = [each[metric] for each in history]
            assert found[row, : len(history)] == pytest.approx(expected, rel=1e-6, abs=1e-7), metric


def test_the_jax_loop_refuses_what_it_does_not_know(benchmarks, registry, tmp_path):
    start = benchmarks("jax_loop").start
    with pytest.raises(ValueError, match="sparse_parity grokfast: the JAX loop knows .*, not grokfast_ema"):
        start(benchmark_cases.case(benchmarks, registry, tmp_path, "sparse_parity", "grokfast"))
    with pytest.raises(ValueError, match="cifar10 baseline: the JAX loop knows the tasks .*, not cifar10"):
        start(benchmark_cases.case(benchmarks, registry, tmp_path, "cifar10", "baseline"))
