"""The inputs of one step of a replica."""

from typing import NamedTuple

from torch import Tensor

from grokbench.types import Batch

__all__ = ["StepContext"]


class StepContext(NamedTuple):
    """The inputs of one step of a replica, besides its parameters and states.

    Attributes:
        batch: the examples of the step.
        keys: (methods,), the methods' keys for this seed, epoch and step, see `Step.keys`.
        step: (), completed updates.
        epoch: (), completed epochs.
        train: the replica's training set, if a method needs it.
        reserved: the examples kept for the methods, if a method reserves any.
    """

    batch: Batch
    keys: Tensor
    step: Tensor
    epoch: Tensor
    train: Batch | None = None
    reserved: Batch | None = None
