"""Every benchmarked task, very small, and its cases with two seeds."""

from grokbench import engine, random
from grokbench.plan import expand
from grokbench.suite import load_suite

from .tiny import write

EPOCHS = 4
SEEDS = (1000, 1001)
SUITE = """
suite: tiny
description: Every benchmarked task, very small.
seeds: 1000-1001
baseline: baseline
tasks:
  sparse_parity: {bits: 8, relevant: 2, samples: 40, width: 7, evaluate_every: 2}
  modular_addition: {modulus: 7, width: 6, train_fraction: 0.45, batch_size: 8}
  mnist_ce: {use: mnist, samples: 22, test_samples: 20, width: 6, batch_size: 8}
  mnist_mse: {use: mnist, loss: mse, samples: 22, test_samples: 20, width: 6, batch_size: 8}
  cifar10: {samples: 12, test_samples: 10, width: 2, classifier_width: 6, batch_size: 5}
  xor: {dimensions: 40, width: 6, samples: 20, test_samples: 16, epsilon: 0.5, rotate: true}
regularizers:
  baseline: {}
  grokfast: {use: grokfast_ema}
  window: {use: grokfast_ma, window: 2}
  orthograd: {}
  other_orthograd: {use: orthograd, rescale: false}
  grokalign: {strength: 0.1, norm: frobenius, projections: 2, per_task: {xor: {norm: squared}}}
"""


class KeyedDraws:
    """The engine's random numbers."""

    def __init__(self, seed, device="cpu"):
        self.key = random.key(seed, device)

    def order(self, epoch, n):
        return random.permutation(random.fold(self.key, "batches", epoch), n)

    def directions(self, epoch, batch, projection, outputs):
        key = random.fold(self.key, "regularizer", epoch, batch, "method", 0, projection)
        return random.normal(key, tuple(outputs.shape), outputs.dtype)


def case(benchmarks, registry, folder, task, method):
    """The case of a task, `xor rotated` among them, and a method; in float64."""
    suite = benchmarks("cases").chosen(load_suite(str(write(folder, SUITE))), task.split()[0], (method,))
    (cell,) = expand(suite, registry, "float64", engine.REVISION)
    rotated = benchmarks("cases").rotation(cell, task.endswith("rotated"))
    return benchmarks("cases").case(rotated, registry, SEEDS, "float64").lasting(EPOCHS)
