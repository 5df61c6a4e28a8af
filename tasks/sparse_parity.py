"""Sparse parity: Prieto et al., "Grokking at the edge of numerical stability", ICLR 2025, arXiv:2501.04697.

The target is the parity of the first few bits of a long string; the network memorises first and finds them later.
"""

from functools import partial

from torch import Tensor

from grokbench import AdamW, Batch, Task, hookimpl, random

from . import _losses, _mlp


def sparse_parity(
    bits: int = 40,
    relevant: int = 3,
    samples: int = 2000,
    width: int = 200,
    lr: float = 0.01,
    weight_decay: float = 0.1,
) -> Task:
    """The parity of the first `relevant` of `bits` random bits in {0, 1}; half of `samples` train, half test.

    A ReLU network with two hidden layers of `width` and biases, cross-entropy over two classes, full-batch AdamW.
    Grokked: test accuracy above 0.90. Settings of Walker et al., Appendix A.4; where the paper is silent: full batch
    (its seconds per epoch fit one step only), betas (0.9, 0.999), samples drawn with replacement (a repeated string of
    40 bits has probability 2e-6). Prieto et al. use 43 bits, no weight decay and StableMax.
    """
    if not 1 <= relevant <= bits:
        raise ValueError(f"relevant must lie between 1 and bits, {bits}, got {relevant}")
    sizes = _mlp.layers(bits, width, width, 2)
    return Task(
        splits=partial(splits, bits=bits, relevant=relevant, samples=samples),
        train_size=samples // 2,
        init=partial(_mlp.init, sizes=sizes, bias=True),
        forward=_mlp.forward,
        loss=_losses.cross_entropy,
        correct=_losses.class_correct,
        optimizer=AdamW(lr=lr, weight_decay=weight_decay),
        epochs=10_000,
        grokked={"test_accuracy": "> 0.90"},
        roles=_mlp.roles(sizes, bias=True),
        input_bounds=(0.0, 1.0),
        facts=_losses.FACTS["cross_entropy"] | {"preactivations": _mlp.preactivations},
    )


def splits(key: Tensor, *, bits: int, relevant: int, samples: int) -> dict[str, Batch]:
    """Train and test halves: inputs (samples / 2, bits) in {0, 1}, targets their parity."""
    inputs = random.integers(random.fold(key, "strings"), (samples, bits), 2)
    targets = inputs[:, :relevant].sum(-1) % 2
    train = samples // 2
    return {
        "train": Batch(inputs[:train].double(), targets[:train]),
        "test": Batch(inputs[train:].double(), targets[train:]),
    }


@hookimpl
def grokbench_tasks():
    yield sparse_parity
