"""An exact change of coordinates for gradient descent in very many input dimensions.

An update of the first layer W1 (d, m) is a weighted sum of training inputs, and an L2 term only shrinks W1. The columns
of W1 therefore never leave the span S of the initial columns and the n training inputs, which has k = m + n of d
dimensions. In an orthonormal basis Q of S,

    Q: (d, k)        W1' = [Q^T W1; 0]  (k + 1, m)        x' = [Q^T x; ||x - Q Q^T x||]  (k + 1,)

every x, inside or outside S, keeps its pre-activations W1'^T x' = W1^T x, its length, and its inner product with each
input gradient. The last coordinate is 0 for training inputs, so the last row of W1' stays 0. Inner products of two
inputs outside S change. All this holds only for methods that commute with rotations of the inputs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from grokbench import Batch, Params, Task

Call = tuple[Callable[..., Any], tuple[tuple[str, Any], ...]]  # a function and its keywords: a hashable partial

KEPT = 32  # seeds that are cached, because all methods of a task start from the same numbers


def rotated(task: Task) -> Task:
    """The task in the coordinates of S; the given `init` and `splits` must be partials with hashable keywords."""
    init, splits = _call(task.init), _call(task.splits)
    return replace(
        task,
        init=lambda key: _both(key, init, splits)[0],
        splits=lambda key: _both(key, init, splits)[1],
        full=task,
    )


def _call(draw: Any) -> Call:
    return draw.func, tuple(draw.keywords.items())


def _both(key: Tensor, init: Call, splits: Call) -> tuple[Params, dict[str, Batch]]:
    if key.is_meta:
        return _draw(key, init, splits)
    return _kept(int(key), key.device, init, splits)


@lru_cache(KEPT)
def _kept(key: int, device: torch.device, init: Call, splits: Call) -> tuple[Params, dict[str, Batch]]:
    return _draw(torch.tensor(key, device=device), init, splits)


def _draw(key: Tensor, init: Call, splits: Call) -> tuple[Params, dict[str, Batch]]:
    params, data = (function(key, **dict(keywords)) for function, keywords in (init, splits))
    return rotate(params, data)


def rotate(params: Params, splits: Mapping[str, Batch], first: str = "weight1") -> tuple[Params, dict[str, Batch]]:
    """Parameters and splits in the coordinates of S, in float64; `first` is the name of W1 in the parameters.

    Q is never formed. With A = [W1, X^T] (d, k) and the Cholesky factor A^T A = R^T R, Q = A R^-1, so Q^T A = R and Q^T
    x = R^-T A^T x. Cost: 2 d k^2 operations. Raises ValueError if the columns of A are linearly dependent.
    """
    A = torch.cat([params[first], splits["train"].inputs.T], 1)
    R, failed = torch.linalg.cholesky_ex(A.T @ A, upper=True)
    if not failed.is_meta and failed:
        raise ValueError("the initial weights and the training inputs are linearly dependent: use rotate: false")
    m = params[first].shape[1]
    zero = R.new_zeros(1, R.shape[1])
    rotated = torch.cat([R, zero])
    inside = {"train": Batch(rotated[:, m:].T.contiguous(), splits["train"].targets)}
    others = {name: _project(split, A, R) for name, split in splits.items() if name != "train"}
    return params | {first: rotated[:, :m].contiguous()}, inside | others


def _project(split: Batch, A: Tensor, R: Tensor) -> Batch:
    """Inputs (n, d) as (n, k + 1)."""
    within = torch.linalg.solve_triangular(R.T, A.T @ split.inputs.T, upper=False).T
    outside = (split.inputs.square().sum(1) - within.square().sum(1)).clamp_min(0.0).sqrt()
    return Batch(torch.cat([within, outside[:, None]], 1), split.targets)
