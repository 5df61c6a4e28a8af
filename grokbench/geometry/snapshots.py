"""Snapshots: slices of trained networks through three training examples, with what names them."""

from collections.abc import Sequence
from dataclasses import dataclass

from grokbench.geometry.network import Array
from grokbench.geometry.slices import Slice

__all__ = ["Snapshot", "Triple", "triple_of"]


@dataclass(frozen=True)
class Triple:
    """Three examples of a training set.

    Attributes:
        number: the number of the triple, from 0.
        inputs: (3, d).
        targets: (3,).
    """

    number: int
    inputs: Array
    targets: Array


@dataclass(frozen=True)
class Snapshot:
    """The slice of a replica's network through a triple.

    Attributes:
        task: the label of the task.
        regularizer: the label of the method.
        seed: the seed of the replica.
        epoch: completed epochs.
        triple: the examples.
        slice: the slice.
    """

    task: str
    regularizer: str
    seed: int
    epoch: int
    triple: Triple
    slice: Slice


def triple_of(inputs: Array, targets: Array, number: int) -> Triple:
    """Choose three examples of different classes, without any example of the triples before.

    Each is the first unused example whose class the triple has least often, so that the classes differ where there are
    three of them. The choice depends on the training set alone.

    Args:
        inputs: those of the training set, (n, d).
        targets: those of the training set, (n,).
        number: the number of the triple, from 0.

    Raises:
        ValueError: the training set has too few examples.
    """
    if len(targets) < 3 * (number + 1):
        raise ValueError(f"the training set has {len(targets)} examples, too few for {number + 1} times three")
    unused, chosen = list(range(len(targets))), list[int]()
    for _ in range(number + 1):
        chosen = []
        for _ in range(3):
            chosen.append(_rarest(unused, targets, [targets[i] for i in chosen]))
            unused.remove(chosen[-1])
    return Triple(number, inputs[chosen], targets[chosen])


def _rarest(unused: Sequence[int], targets: Array, taken: Sequence[float]) -> int:
    """Return the first unused example whose class is taken least often."""
    return min(unused, key=lambda i: taken.count(targets[i]))
