"""GrokAlign: Walker, Humayun, Balestriero & Baraniuk, "What deep networks want to learn and how to get there".

A penalty on the network's input Jacobian J (C x d), which aligns the centroids of the input space's regions with the
data. The Jacobian's norm is estimated by random projections: Hoffman, Roberts & Yaida, "Robust learning with Jacobian
regularization", 2019, arXiv:1908.02729.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import At, Local, Regularizer, hookimpl, random

Squares = Callable[[Local, Tensor], Tensor]  # -> (n,), ||J_i||_F^2 or an estimate of it

FLOOR = 1e-8  # least squared norm before its root, as in the authors' code, since the root has no finite slope at zero


def grokalign(
    strength: float = 0.01,
    norm: Literal["squared", "frobenius"] = "squared",
    estimator: Literal["projection", "exact"] = "projection",
    projections: int = 1,
) -> Regularizer:
    """Add `strength` times the mean over the batch of the Jacobian's norm.

        squared:    strength mean_i ||J_i||_F^2       (the paper's formula)
        frobenius:  strength mean_i ||J_i||_F         (the authors' code)

    `projection` estimates ||J||_F^2 by (C / k) sum_{j <= k} ||v_j^T J||^2, with v_j uniform on the unit sphere. The
    estimate is unbiased for `squared`. For `frobenius` it is biased low, because the root of the mean over projections
    is taken, as in the code. `exact` uses C products. The authors' code runs the network a second time for the penalty;
    here loss and penalty share one pass.

    A negative strength works against alignment (Grok(Un)Align, Appendix B: -0.001 on MNIST). The loss then has no lower
    bound, and under SGD training diverges. Clipping prevents this: `use: [grokalign, clip_gradients]`. The authors'
    released scripts silently ignore a negative strength, and clip only in another script (see `clip_gradients`). A
    replica that still diverges counts as not grokked, and harms no other replica.
    """
    squares = estimate(estimator, projections)
    return Regularizer(
        penalty=partial(penalty, strength=strength, root=norm == "frobenius", squares=squares),
        neutral={"strength": 0.0},
        rotates=True,
    )


def penalty(local: Local, state: tuple[()], at: At, *, strength: float, root: bool, squares: Squares) -> Tensor:
    """The penalty of one batch, ()."""
    del state
    return strength * mean_norm(local, at.key, root=root, squares=squares)


def mean_norm(local: Local, key: Tensor, *, root: bool, squares: Squares) -> Tensor:
    """The mean over the batch of ||J_i||_F if `root`, otherwise of ||J_i||_F^2, ()."""
    square = squares(local, key)
    return (square.clamp_min(FLOOR).sqrt() if root else square).mean()


def estimate(estimator: str, projections: int) -> Squares:
    """The function of that name that returns ||J_i||_F^2; ValueError if `projections` is below 1."""
    if projections < 1:
        raise ValueError(f"projections must be at least 1, got {projections}")
    return exact if estimator == "exact" else partial(projected, projections=projections)


def projected(local: Local, key: Tensor, *, projections: int) -> Tensor:
    """The estimate of ||J_i||_F^2 by random directions, (n,)."""
    n, outputs = local.outputs.shape
    total = local.outputs.new_zeros(n)
    for projection in range(projections):
        v = random.normal(random.fold(key, projection), (n, outputs), local.outputs.dtype)
        v = v / v.norm(dim=-1, keepdim=True)
        total = total + local.pullback(v).flatten(1).square().sum(-1)
    return outputs / projections * total


def exact(local: Local, key: Tensor) -> Tensor:
    """||J_i||_F^2 by one product per output, (n,)."""
    del key
    n, outputs = local.outputs.shape
    basis = torch.eye(outputs, dtype=local.outputs.dtype, device=local.outputs.device)
    rows = vmap(local.pullback)(basis[:, None, :].expand(outputs, n, outputs))
    return rows.flatten(2).square().sum((0, 2))


@hookimpl
def grokbench_regularizers():
    yield grokalign
