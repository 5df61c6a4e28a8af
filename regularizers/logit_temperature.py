"""Logit temperature: Khanh, "What does the weight norm control in grokking?", 2026, arXiv:2606.18465.

Under cross-entropy, according to the paper, the weight norm delays grokking by raising the scale of the logits, which
saturates the softmax. A temperature lowers this scale without changing the weights.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from grokbench import Regularizer, hookimpl

Loss = Callable[[Tensor, Tensor], Tensor]


def logit_temperature(tau: float = 2.0) -> Regularizer:
    """Divide the outputs by `tau` before the training loss; `tau` is not trained.

        L = loss(f(x) / tau, y)

    The gradient with respect to f(x) is that of the loss at f(x) / tau, times 1 / tau. The paper varies tau to undo the
    effect of a raised weight norm, and recommends no value; 2 is chosen here. Metrics keep the task's own loss, and the
    predicted class does not depend on tau. On a squared error, the network has to reach outputs `tau` times as large.

    ValueError unless `tau` is above 0.
    """
    if tau <= 0.0:
        raise ValueError(f"tau must be positive, got {tau}")
    return Regularizer(
        objective=partial(objective, tau=tau),
        privileges=frozenset({"loss"}),
        neutral={"tau": 1.0},
        rotates=True,
    )


def objective(loss: Loss, *, tau: float) -> Loss:
    """The loss at outputs divided by `tau`."""

    def at_temperature(outputs: Tensor, targets: Tensor) -> Tensor:
        return loss(outputs / tau, targets)

    return at_temperature


@hookimpl
def grokbench_regularizers():
    yield logit_temperature
