"""The suite that is killed: two tasks, one of which reads files, two methods, two seeds, kept weights; some seconds."""

import numpy as np

TEXT = """\
suite: killed
seeds: 1000-1001
baseline: baseline
weights: final
unverified_data: [cifar10]
tasks:
  photos: {use: cifar10, samples: 8, test_samples: 4, width: 1, classifier_width: 4, batch_size: 8, epochs: 5}
  parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 5}
regularizers:
  baseline: {}
  orthograd: {}
"""
SEEDS = {1000, 1001}
OPTIONS = ("--device", "cpu", "--checkpoint-seconds", 0, "--group-size", 2)  # an estimate of the size takes seconds


def write(folder):
    """Write the suite, and beside it its data in the form of CIFAR-10, which GROKBENCH_DATA has to name; its path."""
    chance = np.random.default_rng(0)
    images, labels = chance.integers(0, 256, (12, 32, 32, 3), np.uint8), np.arange(12) % 10
    arrays = {"x_train": images[:8], "y_train": labels[:8], "x_test": images[8:], "y_test": labels[8:]}
    np.savez(folder / "cifar10.npz", **arrays)
    file = folder / "killed.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file
