"""Label smoothing: Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016, arXiv:1512.00567.

Smoothed targets bound the logits, because the loss then has its minimum at finite margins.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn import functional as F

from grokbench import Regularizer, hookimpl

Loss = Callable[[Tensor, Tensor], Tensor]


def label_smoothing(epsilon: float = 0.1) -> Regularizer:
    """Mix the one-hot targets with the uniform distribution over the C classes.

        L = (1 - epsilon) loss(f(x), y) + epsilon mean_i (1/C) sum_c -log softmax(f(x_i))_c

    With the task's cross-entropy as the loss this is `torch.nn.CrossEntropyLoss(label_smoothing=epsilon)`. If another
    method replaces the loss, this changes only the first term. The task must have the fact
    `cross_entropy`. Metrics keep the task's own loss.

    ValueError unless 0 <= `epsilon` <= 1.
    """
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon must lie between 0 and 1, got {epsilon}")
    return Regularizer(
        objective=partial(objective, epsilon=epsilon),
        privileges=frozenset({"loss"}),
        neutral={"epsilon": 0.0},
        facts=("cross_entropy",),
        rotates=True,
    )


def objective(loss: Loss, *, epsilon: float) -> Loss:
    """The loss with smoothed targets."""

    def smoothed(outputs: Tensor, targets: Tensor) -> Tensor:
        uniform = -F.log_softmax(outputs, -1).mean()  # over examples and classes
        return (1.0 - epsilon) * loss(outputs, targets) + epsilon * uniform

    return smoothed


@hookimpl
def grokbench_regularizers():
    yield label_smoothing
