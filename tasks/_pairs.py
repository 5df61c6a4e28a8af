"""Addition modulo p: all pairs (a, b), of which a fraction is for training and the rest for testing."""

from collections.abc import Callable

from torch import Tensor

from grokbench import Batch, random


def train_size(modulus: int, train_fraction: float) -> int:
    """The number of training pairs; ValueError unless the fraction leaves pairs for training and for testing."""
    if not 0.0 < train_fraction < 1.0:
        raise ValueError(f"train_fraction must lie strictly between 0 and 1, got {train_fraction}")
    return int(train_fraction * modulus**2)


def splits(
    key: Tensor, *, encode: Callable[[Tensor, Tensor, int], Tensor], modulus: int, train_size: int
) -> dict[str, Batch]:
    """Train and test pairs in a random order: inputs are encode(a, b, modulus), (n, ...), targets the sums modulo p."""
    pairs = random.permutation(random.fold(key, "pairs"), modulus**2)
    a, b = pairs // modulus, pairs % modulus
    inputs, targets = encode(a, b, modulus), (a + b) % modulus
    return {
        "train": Batch(inputs[:train_size], targets[:train_size]),
        "test": Batch(inputs[train_size:], targets[train_size:]),
    }
