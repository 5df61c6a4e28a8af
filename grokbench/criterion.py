"""The conditions of a criterion: `> 0.80` is a sign and a finite number."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["EXPECTED", "Condition", "bound_fault", "parse_condition"]

EXPECTED = 'a condition such as "> 0.80" (>, >=, < or <= and a finite number)'

_CONDITION = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Condition:
    """`> 0.80`, say. A value that is not finite meets no condition."""

    sign: str
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether a measured value meets the condition."""
        return math.isfinite(value) and _COMPARE[self.sign](value, self.threshold)

    def is_open(self, low: float, high: float) -> bool:
        """Whether a number in [low, high] can both meet and fail it."""
        return low <= self.threshold < high if self.sign in (">", "<=") else low < self.threshold <= high


def parse_condition(text: Any) -> Condition:
    """Read `> 0.80`; raises ValueError with what was expected."""
    found = _CONDITION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not math.isfinite(float(found[2])):
        raise ValueError(f"{text!r}, expected {EXPECTED}")
    return Condition(found[1], float(found[2]))


def bound_fault(text: str, low: float, high: float) -> str:
    """What is wrong with a condition on a number in [low, high]; empty where it can both hold and fail.

    Raises ValueError for a text that is no condition.
    """
    if parse_condition(text).is_open(low, high):
        return ""
    return f"{text!r} can never hold or always holds, expected a bound between {low:g} and {high:g}"
