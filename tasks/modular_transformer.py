"""Modular arithmetic by a one-layer transformer: Nanda et al., ICLR 2023, arXiv:2301.05217.

"Progress measures for grokking via mechanistic interpretability". The network groks by trigonometry; metrics/fourier.py
measures this.
"""

from functools import partial
from operator import itemgetter
from typing import Literal

import torch
from torch import Tensor

from grokbench import AdamW, Task, hookimpl

from . import _losses, _pairs, _transformer

EVALUATE_EXAMPLES = 4096  # at p = 113 some 60 MB of activations at once, in float32
MATRICES = {
    "embedding": itemgetter("W_E"),
    "unembedding": _transformer.unembedding,
    "neuron_logits": _transformer.neuron_logits,
}


def modular_transformer(
    modulus: int = 113,
    train_fraction: float = 0.3,
    d_model: int = 128,
    heads: int = 4,
    d_mlp: int = 512,
    freeze: tuple[Literal["W_E", "W_pos", "W_U"], ...] = (),
    lr: float = 1e-3,
    weight_decay: float = 1.0,
    *,
    operation: Literal["addition", "division"] = "addition",
    batch_size: int | None = None,
) -> Task:
    """The sum a + b modulo p = `modulus` from the tokens a, b, =; `train_fraction` of all pairs train, the rest test.

    With the `operation` division, the answer is the quotient a / b modulo a prime p, for the pairs with b > 0, as in
    Power et al., arXiv:2201.02177. Such a task lacks the fact `modulus`, since the metrics that read it describe sums.

    The network has one layer: `heads` attention heads of width `d_model` / `heads`, and a ReLU MLP of width `d_mlp`.
    There are p + 1 tokens and p + 1 outputs, which are read at the last position. The network is trained by AdamW with
    betas (0.9, 0.98), in batches of `batch_size` examples or, by default, of all. It has grokked when the test accuracy
    is above 0.99. The settings are those of Nanda et al., which Walker et al. take over for Figure 8. Input Jacobians
    and centroids refer to the three embedding vectors, (3, d_model), before positions are added, as in Walker et al.'s
    code.

    `freeze` names matrices that keep their initialisation and have no weight decay. [W_E] is our reading of Walker et
    al.'s "frozen embeddings", since their code leaves only W_E out of the optimizer.

    There is one deviation: the learning rate has no warm-up. Nanda et al. multiply it by min(step / 10, 1); Walker et
    al.'s code does not. The cross-entropy is computed in float64 from outputs in the precision of the run, as Nanda et
    al. describe (their code says float32). At p = 53, with a training loss of 1e-7, the gradient of a float32 run was
    then right to 1e-5 of its norm. With the loss in float32 too, it was wrong by 60 to 80 percent.

    ValueError unless `modulus` is at least 3, and a prime for division.
    """
    if modulus < 3:
        raise ValueError(f"modulus must be at least 3, got {modulus}")
    train_size = _pairs.train_size(modulus, train_fraction, operation)
    known = outputs = modulus + 1
    shapes = _transformer.shapes(tokens=known, positions=3, outputs=outputs, d_model=d_model, heads=heads, d_mlp=d_mlp)
    return Task(
        splits=partial(_pairs.splits, encode=tokens, modulus=modulus, train_size=train_size, operation=operation),
        train_size=train_size,
        init=partial(_transformer.init, shapes=shapes),
        embed=_transformer.embed,
        forward=partial(_transformer.forward, heads=heads),
        frozen=frozenset(freeze),
        loss=_losses.precise_cross_entropy,
        correct=_losses.class_correct,
        optimizer=AdamW(lr=lr, weight_decay=weight_decay, betas=(0.9, 0.98)),
        batch_size=batch_size,
        epochs=50_000,
        grokked={"test_accuracy": "> 0.99"},
        roles=_transformer.ROLES,
        evaluate_examples=EVALUATE_EXAMPLES,
        activations=22 * d_model + d_mlp + 5 * outputs,
        facts={"cross_entropy": True, **({"modulus": modulus} if operation == "addition" else {}), **MATRICES},
    )


def tokens(a: Tensor, b: Tensor, modulus: int) -> Tensor:
    """The tokens a, b and `modulus`, which stands for =, (n, 3)."""
    return torch.stack([a, b, torch.full_like(a, modulus)], -1)


@hookimpl
def grokbench_tasks():
    yield modular_transformer
