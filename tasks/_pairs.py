"""Arithmetic modulo p: all pairs (a, b), of which a fraction is for training and the rest for testing."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from grokbench import Batch, random

Operation = Literal["addition", "division"]


def train_size(modulus: int, train_fraction: float, operation: Operation = "addition") -> int:
    """The number of training pairs; ValueError unless the fraction leaves pairs for training and for testing.

    Division has no pairs with b = 0. ValueError unless its `modulus` is a prime.
    """
    if not 0.0 < train_fraction < 1.0:
        raise ValueError(f"train_fraction must lie strictly between 0 and 1, got {train_fraction}")
    if operation == "division" and not _prime(modulus):
        raise ValueError(f"modulus must be a prime for division, got {modulus}")
    return int(train_fraction * modulus * _seconds(modulus, operation))


def splits(
    key: Tensor,
    *,
    encode: Callable[[Tensor, Tensor, int], Tensor],
    modulus: int,
    train_size: int,
    operation: Operation = "addition",
) -> dict[str, Batch]:
    """Train and test pairs in a random order: inputs are encode(a, b, modulus), (n, ...), targets the results modulo p.

    The result is a + b or, for `division`, the number c with b c = a modulo p.
    """
    seconds = _seconds(modulus, operation)
    pairs = random.permutation(random.fold(key, "pairs"), modulus * seconds)
    a, b = pairs // seconds, pairs % seconds + (modulus - seconds)
    inputs, targets = encode(a, b, modulus), (a * _inverses(modulus, b) if operation == "division" else a + b) % modulus
    return {
        "train": Batch(inputs[:train_size], targets[:train_size]),
        "test": Batch(inputs[train_size:], targets[train_size:]),
    }


def _seconds(modulus: int, operation: Operation) -> int:
    """The number of values of b."""
    return modulus - 1 if operation == "division" else modulus


def _inverses(modulus: int, b: Tensor) -> Tensor:
    """The inverses of b (n,) modulo a prime, by Fermat's little theorem."""
    table = torch.tensor([pow(number, modulus - 2, modulus) for number in range(modulus)], device=b.device)
    return table[b]


def _prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))
