"""One replica's function applied to all replicas of a group: mapped at once, or one replica after the other."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from grokbench.step import Step

__all__ = ["over_replicas"]


def over_replicas(step: Step, function: Callable[..., Any], in_dims: Any = 0) -> Callable[..., Any]:
    """Apply a function of one replica to stacked replicas, as `torch.func.vmap` does.

    Code that branches on tensors or reads numbers cannot be mapped. If a method of the step declares such code, the
    function is called for one replica after the other, and the results are stacked.

    Args:
        step: the cell's step.
        function: takes and returns pytrees of tensors of one replica.
        in_dims: for each argument the axis of the replicas, 0 or None, or a pytree of these; a single 0 applies to all
            arguments.
    """
    return vmap(function, in_dims=in_dims) if step.mapped else _one_by_one(function, in_dims)


def _one_by_one(function: Callable[..., Any], in_dims: Any) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        axes = (in_dims,) * len(arguments) if isinstance(in_dims, int) else in_dims
        leaves, shape = pytree.tree_flatten(list(arguments))
        spread = _spread(arguments, axes)
        replicas = next(len(leaf) for leaf, axis in zip(leaves, spread, strict=True) if axis == 0)
        results = [
            function(
                *pytree.tree_unflatten(
                    [_row(leaf, axis, row) for leaf, axis in zip(leaves, spread, strict=True)], shape
                )
            )
            for row in range(replicas)
        ]
        return pytree.tree_map(lambda *parts: torch.stack(parts), *results)

    return called


def _spread(arguments: Sequence[Any], axes: Sequence[Any]) -> list[int | None]:
    """List the axis of every leaf. An axis given for a branch holds for all its leaves."""
    found: list[int | None] = []
    for argument, axis in zip(arguments, axes, strict=True):
        if axis is None or isinstance(axis, int):
            found += [axis] * len(pytree.tree_leaves(argument))
        elif isinstance(axis, dict):
            found += _spread([argument[name] for name in argument], [axis[name] for name in argument])
        else:
            found += _spread(list(argument), list(axis))
    return found


def _row(leaf: Any, axis: int | None, row: int) -> Any:
    return leaf[row] if isinstance(leaf, Tensor) and axis == 0 else leaf
