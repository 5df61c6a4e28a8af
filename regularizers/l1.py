"""The L1 penalty: Tibshirani, "Regression shrinkage and selection via the lasso", 1996.

Notsawo, Dumas & Rabusseau, "Grokking beyond the Euclidean norm of model parameters", ICML 2025, arXiv:2506.05718: a
small penalty on a norm other than the Euclidean one also brings about grokking, with solutions of the kind that the
norm favours. Those of the L1 norm are sparse.
"""

from functools import partial

import torch
from torch import Tensor

from grokbench import At, Local, Regularizer, hookimpl


def l1(strength: float = 1e-5) -> Regularizer:
    """Add `strength` times the sum of the absolute values of all trained parameters, biases included.

        L + strength sum_k |w_k|

    The derivative at 0 is 0. As with any subgradient method, parameters move around 0 and are rarely exactly 0. Notsawo
    et al. train without weight decay and choose the strength for each task; 1e-5 is chosen here. The task's weight
    decay is kept; `optimizer: {weight_decay: 0}` in a suite removes it.
    """
    return Regularizer(penalty=partial(penalty, strength=strength), neutral={"strength": 0.0})


def penalty(local: Local, state: tuple[()], at: At, *, strength: float) -> Tensor:
    """The penalty, ()."""
    del local, state
    return strength * torch.stack([p.abs().sum() for p in at.params.values()]).sum()


@hookimpl
def grokbench_regularizers():
    yield l1
