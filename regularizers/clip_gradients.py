"""Gradient clipping: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", 2013.

A companion of methods whose loss has no lower bound: `use: [grokalign, clip_gradients]`.
"""

from functools import partial

import torch
from torch import Tensor

from grokbench import At, Params, Regularizer, hookimpl

TINY = 1e-6  # added to the norm before the division, as `torch.nn.utils.clip_grad_norm_` does


def clip_gradients(max_norm: float = 1.0) -> Regularizer:
    """Shorten the gradient of all parameters, taken as one vector, to at most `max_norm`.

        g <- g min(1, max_norm / ||g||)

    Walker et al.'s script that holds the Jacobian at a level clips in this way, at norm 1. Combined methods act in
    their order, so name this method last. Weight decay is not clipped. Under SGD the length of a step is then at most
    `max_norm` times the learning rate, apart from the decay. Adam bounds its steps by itself: if the gradients of all
    steps are shortened by the same factor, its steps hardly change.

    ValueError unless `max_norm` is above 0.
    """
    if max_norm <= 0.0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")
    return Regularizer(transform=partial(transform, max_norm=max_norm), neutral={"max_norm": 1e30}, rotates=True)


def transform(grads: Params, state: tuple[()], at: At, *, max_norm: float) -> tuple[Params, tuple[()]]:
    """Clip the gradients."""
    del at
    factor = (max_norm / (_norm(grads) + TINY)).clamp_max(1.0)
    return {name: g * factor for name, g in grads.items()}, state


def _norm(grads: Params) -> Tensor:
    """The Euclidean norm of all gradients, ()."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads.values()]))


@hookimpl
def grokbench_regularizers():
    yield clip_gradients
