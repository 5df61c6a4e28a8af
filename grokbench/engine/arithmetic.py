"""The floating-point operations of an epoch, by torch's counter and by formulas for matrix factorizations.

Matrix products, convolutions, attention and matrix factorizations are counted. A multiplication and an addition are two
operations. Elementwise operations are not counted. torch's counter has no formulas for factorizations. The formulas
here are the textbook counts of Golub & Van Loan, "Matrix computations", 4th edition, 2013, because the operations of an
iterative algorithm depend on the values of the matrix.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, shape_wrapper

from grokbench.engine.epochs import train_epoch
from grokbench.engine.groups import Group
from grokbench.step import Step

__all__ = ["FORMULAS", "flop_per_epoch"]

Shape = tuple[int, ...]


def flop_per_epoch(step: Step, group: Group, epoch: int = 0) -> int:
    """Count the operations of one epoch of one replica, evaluations excluded.

    Args:
        step: the cell's step.
        group: replicas to train for the epoch; its tensors are overwritten.
        epoch: completed epochs.

    Returns:
        The count, divided evenly over the replicas.
    """
    with _Counter() as counter:
        train_epoch(step, group, epoch)
    return counter.total // len(group.seeds)


class _Counter(TorchDispatchMode):
    """`torch.utils.flop_counter.FlopCounterMode` without its count by module.

    `FlopCounterMode` imports torch's compiler at its first use, which takes seconds in every process.
    """

    total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:
            parts = function.decompose(*args, **(kwargs or {}))
        if parts is not NotImplemented:
            return parts
        result = function(*args, **(kwargs or {}))
        if count := _COUNTS.get(function._overloadpacket):
            self.total += count(*args, **(kwargs or {}), out_val=result)
        return result


def eigh(a: Shape, *rest: Any, **options: Any) -> int:
    """Count the operations of a symmetric eigenvalue decomposition with vectors: 9 n^3 (section 8.3)."""
    return _many(a) * 9 * a[-1] ** 3


def svd(a: Shape, *rest: Any, **options: Any) -> int:
    """Count the operations of a thin SVD with both bases: 14 m n^2 + 8 n^3 for m >= n (section 8.6)."""
    m, n = max(a[-2:]), min(a[-2:])
    return _many(a) * (14 * m * n**2 + 8 * n**3)


def qr(a: Shape, *rest: Any, **options: Any) -> int:
    """Count the operations of a QR factorization with its thin Q: 4 n^2 (m - n / 3) (section 5.2)."""
    m, n = max(a[-2:]), min(a[-2:])
    return _many(a) * (4 * n**2 * (3 * m - n) // 3)


def cholesky(a: Shape, *rest: Any, **options: Any) -> int:
    """Count the operations of a Cholesky factorization: n^3 / 3 (section 4.2)."""
    return _many(a) * a[-1] ** 3 // 3


def solve(a: Shape, b: Shape, *rest: Any, **options: Any) -> int:
    """Count the operations of a solution by LU for k columns: 2 n^3 / 3 + 2 n^2 k (section 3.2)."""
    n, k = a[-1], b[-1] if len(b) == len(a) else 1
    return _many(a) * (2 * n**3 // 3 + 2 * n**2 * k)


def solve_triangular(a: Shape, b: Shape, *rest: Any, **options: Any) -> int:
    """Count the operations of a substitution for k columns: n^2 k (section 3.1)."""
    return _many(b) * a[-1] * b[-2] * b[-1]


def inverse(a: Shape, *rest: Any, **options: Any) -> int:
    """Count the operations of an inverse by LU: 2 n^3 (section 3.2)."""
    return _many(a) * 2 * a[-1] ** 3


def _many(a: Shape) -> int:
    """The number of matrices in a stack (..., m, n)."""
    return math.prod(a[:-2])


aten = torch.ops.aten
FORMULAS: dict[Any, Callable[..., int]] = {
    aten._linalg_eigh: eigh,
    aten._linalg_svd: svd,
    aten.linalg_qr: qr,
    aten.linalg_cholesky_ex: cholesky,
    aten._linalg_solve_ex: solve,
    aten.linalg_solve_triangular: solve_triangular,
    aten.linalg_inv_ex: inverse,
}
_COUNTS: dict[Any, Callable[..., int]] = flop_registry | {each: shape_wrapper(f) for each, f in FORMULAS.items()}
