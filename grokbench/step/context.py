"""The inputs of one step of a replica."""

from typing import NamedTuple

from torch import Tensor

from grokbench.types import Batch

__all__ = ["StepContext"]


class StepContext(NamedTuple):
    """The inputs of one step of a replica, beside its parameters and states.

    Attributes:
        batch: the examples it is taken on.
        keys: (methods,), of this seed, epoch and step, see `Step.keys`.
        step: (), updates completed.
        epoch: (), epochs completed.
        train: the replica's training set, where a method needs it.
        reserved: the examples kept for the methods, where one reserves any.
    """

    batch: Batch
    keys: Tensor
    step: Tensor
    epoch: Tensor
    train: Batch | None = None
    reserved: Batch | None = None
