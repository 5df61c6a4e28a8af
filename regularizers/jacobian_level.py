"""A constrained Jacobian, after the script for inhibited generalisation in the released code of GrokAlign.

GrokAlign lowers the norm of the input Jacobian. This method holds the norm at a level, so that the network cannot
align.
"""

from functools import partial
from typing import Literal

from torch import Tensor

from grokbench import At, Local, Regularizer, hookimpl

from . import grokalign


def jacobian_level(
    strength: float = 1e-3,
    level: float = 5.0,
    estimator: Literal["projection", "exact"] = "projection",
    projections: int = 1,
) -> Regularizer:
    """Add `strength` times the distance of the mean Jacobian norm from `level`.

        strength | level - mean_i ||J_i||_F |

    The norm is that of `grokalign` with norm: frobenius; `estimator` and `projections` have the same meaning as there.
    The slope does not depend on the distance from the level. At level 0 this formula is that of `grokalign`, but the
    authors' script leaves the penalty out at level 0. The script also clips gradients at norm 1:
    `use: [jacobian_level, clip_gradients]`.

    ValueError if `level` is negative.
    """
    if level < 0.0:
        raise ValueError(f"level must not be negative, got {level}")
    return Regularizer(
        penalty=partial(penalty, strength=strength, level=level, squares=grokalign.estimate(estimator, projections)),
        neutral={"strength": 0.0},
        rotates=True,
    )


def penalty(
    local: Local, state: tuple[()], at: At, *, strength: float, level: float, squares: grokalign.Squares
) -> Tensor:
    """The penalty of one batch, ()."""
    del state
    return strength * (level - grokalign.mean_norm(local, at.key, root=True, squares=squares)).abs()


@hookimpl
def grokbench_regularizers():
    yield jacobian_level
