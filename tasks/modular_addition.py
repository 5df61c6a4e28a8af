"""Modular addition: Mallinar et al., "Emergence in non-neural models", 2024, arXiv:2407.20199.

All pairs (a, b) modulo p; the network sees a fraction of the table and has to fill in the rest.
"""

from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from grokbench import AdamW, Params, Task, hookimpl

from . import _losses, _mlp, _pairs

FACTS: dict[str, dict[str, Any]] = {"square": {}, "relu": {"preactivations": _mlp.preactivations}}  # by activation


def modular_addition(
    modulus: int = 61,
    width: int = 256,
    train_fraction: float = 0.3,
    batch_size: int = 32,
    loss: Literal["cross_entropy", "mse"] = "cross_entropy",
    lr: float = 1e-3,
    weight_decay: float = 1.0,
    *,
    activation: Literal["square", "relu"] = "square",
    bias: bool = False,
) -> Task:
    """The sum a + b modulo `modulus` from two one-hot vectors; `train_fraction` of all pairs train, the rest test.

    The network has one hidden layer of `width` units. Their `activation` is the square or a ReLU; there are no biases
    unless `bias` is set. The network is trained by AdamW with betas (0.9, 0.98). It has grokked when the test accuracy
    is above 0.99.

    The settings are those of Walker et al., Appendix A.4. The paper does not state the fraction and the loss. The
    fraction 0.3 (the default of Mallinar et al.'s code) and cross-entropy together give the published number of epochs
    (fitted: fractions 0.3, 0.4, 0.5 and both losses were tried). Mallinar et al. use the squared error in float64.

    Tiwari et al., arXiv:2606.32000, and Saheb Pasand and Dohmatob, arXiv:2510.04930, train networks with `width` 512
    and `activation` relu on half of the pairs. The latter network has biases in its first layer only.
    """
    train_size = _pairs.train_size(modulus, train_fraction)
    sizes = _mlp.layers(2 * modulus, width, modulus)
    embedding = partial(first_operand, modulus=modulus)
    return Task(
        splits=partial(_pairs.splits, encode=onehots, modulus=modulus, train_size=train_size),
        train_size=train_size,
        init=partial(_mlp.init, sizes=sizes, bias=bias),
        forward=_mlp.forward if activation == "relu" else partial(_mlp.forward, activation=_mlp.square),
        loss=_losses.LOSSES[loss],
        correct=_losses.class_correct,
        optimizer=AdamW(lr=lr, weight_decay=weight_decay, betas=(0.9, 0.98)),
        batch_size=batch_size,
        epochs=1000,
        grokked={"test_accuracy": "> 0.99"},
        roles=_mlp.roles(sizes, bias=bias),
        input_bounds=(0.0, 1.0),
        facts=_losses.FACTS[loss] | FACTS[activation] | {"modulus": modulus, "embedding": embedding},
    )


def first_operand(params: Params, *, modulus: int) -> Tensor:
    """The first-layer weights of each first number, (modulus, width)."""
    return params["weight1"][:modulus]


def onehots(a: Tensor, b: Tensor, modulus: int) -> Tensor:
    """The two numbers as concatenated one-hot vectors, (n, 2 modulus)."""
    return torch.cat([F.one_hot(a, modulus), F.one_hot(b, modulus)], -1).double()


@hookimpl
def grokbench_tasks():
    yield modular_addition
