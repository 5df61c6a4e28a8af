"""The parameters that methods update in place of the task's optimizer."""

from collections.abc import Mapping, Sequence

from grokbench.regularizer import Regularizer
from grokbench.types import Role

__all__ = ["claims_of"]


def claims_of(
    regularizers: Sequence[Regularizer], roles: Mapping[str, Role], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, int]:
    """Return, for each claimed parameter, the index of the method that claims it.

    Args:
        regularizers: the cell's methods.
        roles: the roles of the trained parameters.
        shapes: parameter name -> shape in one replica, without the axis of seeds.

    Raises:
        ValueError: a method claims a parameter that is not trained, or that another method claims.
    """
    found: dict[str, int] = {}
    for method, regularizer in enumerate(regularizers):
        names = list(regularizer.claims(roles, shapes)) if regularizer.claims else []
        if wrong := [name for name in names if name not in shapes]:
            raise ValueError(f"claims names {wrong[0]!r}, expected trained parameters: {', '.join(shapes)}")
        if taken := [name for name in names if name in found]:
            raise ValueError(f"two methods claim {taken[0]!r}, but a parameter can have only one optimizer")
        found |= dict.fromkeys(names, method)
    return found
