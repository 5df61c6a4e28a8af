"""Classes of any task's outputs; a scalar output is the logit of two classes, as in logistic regression."""

import torch
from torch import Tensor


def logits(outputs: Tensor) -> Tensor:
    """Outputs (n, C) as logits; f of (n, 1) becomes (0, f), (n, 2)."""
    return outputs if outputs.shape[-1] > 1 else torch.cat([torch.zeros_like(outputs), outputs], -1)


def labels(targets: Tensor) -> Tensor:
    """Targets (n,) as classes, int64; the targets -1 and 1 of a scalar output become 0 and 1."""
    return (targets > 0).long() if targets.is_floating_point() else targets
