"""Parameters, batches, optimizers and linearized networks of one replica.

Every function here takes and returns the tensors of one replica; the engine maps it over seeds. Shapes in docstrings:
n examples, d input features, C outputs, () a scalar tensor.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

__all__ = [
    "Batch",
    "Correct",
    "Local",
    "Loss",
    "Optimizer",
    "Params",
    "Role",
    "Site",
    "State",
    "fans",
    "linearize",
    "linearize_hidden",
]

Params = dict[str, Tensor]  # name -> parameter, in one canonical order
State = Any  # a NamedTuple of tensors and dicts of tensors, or ()

Role = Literal["input", "hidden", "readout", "bias"]  # the role of a parameter, by which methods choose layers

Loss = Callable[[Tensor, Tensor], Tensor]  # outputs (n, C), targets (n,) -> ()
Correct = Callable[[Tensor, Tensor], Tensor]  # outputs (n, C), targets (n,) -> (n,) bool
Site = Callable[[Tensor, str], Tensor]  # hidden activations (n, ...) and their name -> the same shape


class Batch(NamedTuple):
    """Examples with their targets.

    Attributes:
        inputs: (n, ...). Inputs as drawn may be integers, tokens or bytes; embedded inputs (`Task.embed`) are floats.
        targets: (n,). For a network with C > 1 outputs, classes from 0 to C - 1, int64. For a network with one output
            (C = 1), as on the task xor, the floats -1 and 1, predicted by the sign of the output. Methods and metrics
            must handle both.
    """

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Optimizer(ABC):
    """A rule that turns gradients into new parameters, element by element.

    Because the rule is elementwise, one call serves a single replica and a stack of replicas alike. A subclass sets
    `decoupled` and defines `init` and `update`.

    Attributes:
        lr: the learning rate. A task refuses a negative learning rate with ValueError.
        weight_decay: the coefficient of weight decay, 0 by default. A task refuses a negative coefficient with
            ValueError.
        decoupled: True if weight decay shrinks the parameters separately from the gradient step (AdamW), False if it is
            added to the gradient (SGD with L2). A constant of the class.
    """

    lr: float
    weight_decay: float = 0.0
    decoupled: ClassVar[bool]

    @abstractmethod
    def init(self, params: Params) -> State:
        """Make the state before the first update.

        Args:
            params: the trained parameters of one replica, or stacked over replicas.
        """

    @abstractmethod
    def update(self, params: Params, grads: Params, state: State) -> tuple[Params, State]:
        """Take one step, possibly in place: the arguments must not be used afterwards.

        Args:
            params: the trained parameters of one replica, or stacked over replicas.
            grads: their gradients, with the names and shapes of `params`.
            state: the state that `init` or the previous update returned.

        Returns:
            The new parameters, with the names, shapes and dtypes of `params`, and the new state.
        """


class Local(NamedTuple):
    """The network linearized at a batch, shared by the loss and every penalty.

    Attributes:
        outputs: (n, C); C is 1 if the targets are -1 and 1, see `Batch`.
        pullback: cotangents v (n, C) -> input gradients v_i^T J_{x_i} (n, ...), shaped like the embedded inputs.
            `pullback` can be called several times, and differentiated. Take `flatten(1)` before a norm: images have
            three axes.
        hidden: site -> hidden activations (n, ...), after the methods' phase `hidden`; empty for a task that names no
            sites (`Task.has_sites`).
    """

    outputs: Tensor
    pullback: Callable[[Tensor], Tensor]
    hidden: Mapping[str, Tensor] = {}


def linearize(forward: Callable[[Tensor], Tensor], inputs: Tensor) -> Local:
    """Compute the outputs of a function and its pullback; both can be differentiated again.

    Args:
        forward: maps inputs (n, ...) to outputs (n, C), where no output depends on other examples.
        inputs: (n, ...), floats.
    """
    return linearize_hidden(lambda x: (forward(x), {}), inputs)


def linearize_hidden(forward: Callable[[Tensor], tuple[Tensor, Mapping[str, Tensor]]], inputs: Tensor) -> Local:
    """Linearize a function that returns its outputs and its hidden activations (n, ...) by site, see `linearize`.

    Args:
        forward: maps inputs (n, ...) to outputs (n, C) and hidden activations.
        inputs: (n, ...), floats.
    """
    outputs, pull, *aux = torch.func.vjp(forward, inputs, has_aux=True)
    return Local(outputs, lambda cotangents: pull(cotangents)[0], aux[0])


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return the numbers of inputs and of outputs of a layer, (fan_in, fan_out), from the shape of a parameter.

    Args:
        shape: (fan_in, fan_out) of a matrix, which is applied from the right; (filters, channels, height, width) of a
            convolution's kernel; (units,) of a bias, whose fan_in is 1.
    """
    if len(shape) == 4:
        return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])
    return (math.prod(shape[:-1]), shape[-1]) if shape else (1, 1)
