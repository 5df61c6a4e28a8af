"""StableMax: Prieto et al., "Grokking at the edge of numerical stability", ICLR 2025, arXiv:2501.04697.

Softmax's exponential makes the loss of well-fitted examples round to zero, and training stops ("softmax collapse").
StableMax replaces the exponential by a function that grows linearly.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from grokbench import Regularizer, hookimpl

Loss = Callable[[Tensor, Tensor], Tensor]


def stablemax() -> Regularizer:
    """Train on the cross-entropy of StableMax in place of the task's cross-entropy.

        loss = mean_i -log(s(z_iy) / sum_j s(z_ij)),    s(z) = z + 1 for z >= 0, 1 / (1 - z) for z < 0

    Here the loss is computed in logarithms: log s(z) = sign(z) log(1 + |z|), so nothing overflows. An example's loss is
    the softplus of log sum_{j != y} s(z_j) - log s(z_y). The target's own term is not in the sum, where it would make
    small terms round away. The authors' code has the quotient, and casts logits to float64; the form used here needs no
    cast. With a correct logit of m and others of -m and -m/2, its loss and gradients are right to 1e-5 in float32 for m
    from 1 to 1e8. For these logits, the loss of a float32 quotient is 0.4% off at m = 1e3, and exactly 0 from m = 1e4
    on; even in float64 the quotient is 11% off at m = 1e8.

    The task must have the fact `cross_entropy`: integer targets and that loss. Metrics, and attacks such as those of
    `pgd_training`, keep the task's own loss. Prieto et al. use StableMax without weight decay.
    """
    return Regularizer(
        objective=objective,
        privileges=frozenset({"loss"}),
        facts=("cross_entropy",),
    )


def objective(loss: Loss) -> Loss:
    """The loss that takes the place of the task's."""
    del loss
    return cross_entropy


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean of -log StableMax(outputs)[target], (); outputs (n, C), targets (n,) int64."""
    logs = log_s(outputs)
    own = targets[:, None] == torch.arange(outputs.shape[-1], device=outputs.device)  # F.one_hot cannot be mapped twice
    margin = logs.masked_fill(own, -torch.inf).logsumexp(-1) - logs.gather(-1, targets[:, None]).squeeze(-1)
    return F.softplus(margin).mean()


def log_s(z: Tensor) -> Tensor:
    """The logarithm of s(z), elementwise."""
    size = torch.where(z < 0.0, -z, z).log1p()  # the slope at 0 is 1, unlike that of `abs` and of clamps
    return torch.where(z < 0.0, -size, size)


@hookimpl
def grokbench_regularizers():
    yield stablemax
