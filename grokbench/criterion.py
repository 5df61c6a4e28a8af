"""The conditions of a criterion of grokking, such as `> 0.80`: a comparison sign and a finite number."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["EXPECTED", "Condition", "Stop", "bound_fault", "parse_condition"]

Stop = str | int | Mapping[str, int]  # "grokked", "budget", a number of evaluations, or {"hold": H epochs}
EXPECTED = 'a condition such as "> 0.80" (>, >=, < or <= and a finite number)'

MOST_CHARACTERS = 100  # most characters of a condition; the longest float64, written in full, has about 25
# Each digit can be matched in only one way, so the time is linear in the length.
_CONDITION = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Condition:
    """A condition on a metric, such as `> 0.80`. A value that is not finite never meets it.

    Attributes:
        sign: ">", ">=", "<" or "<=".
        threshold: the finite number to compare with.
    """

    sign: str
    threshold: float

    def holds(self, value: float) -> bool:
        """Return whether a measured value meets the condition."""
        return math.isfinite(value) and _COMPARE[self.sign](value, self.threshold)

    def lost(self, value: float, margin: float | None) -> bool:
        """Return whether a value fails the condition by more than chance.

        Args:
            value: the measured value. A value that is not finite is lost.
            margin: the largest distance to the threshold that chance explains. None: any failure counts.
        """
        return not self.holds(value) and (margin is None or not abs(value - self.threshold) <= margin)

    def worse(self, one: float, other: float) -> float:
        """Return the value that is farther from meeting the condition."""
        return min(one, other) if self.sign in (">", ">=") else max(one, other)

    def is_open(self, low: float, high: float) -> bool:
        """Return whether some numbers in [low, high] meet the condition and others do not."""
        return low <= self.threshold < high if self.sign in (">", "<=") else low < self.threshold <= high


def parse_condition(text: Any) -> Condition:
    """Parse a condition such as `> 0.80`.

    Args:
        text: the condition, from a suite or a task.

    Raises:
        ValueError: `text` is not a condition; the message says what was expected.
    """
    found = _CONDITION.fullmatch(text) if isinstance(text, str) and len(text) <= MOST_CHARACTERS else None
    if found is None or not math.isfinite(float(found[2])):
        raise ValueError(f"{_beginning(text)}, expected {EXPECTED}")
    return Condition(found[1], float(found[2]))


def _beginning(text: Any) -> str:
    """Quote the beginning of a text that is not a condition."""
    quoted = repr(text[: MOST_CHARACTERS + 1] if isinstance(text, str) else text)
    return quoted if len(quoted) <= MOST_CHARACTERS else f"{quoted[:MOST_CHARACTERS]}..."


def bound_fault(text: str, low: float, high: float) -> str:
    """Describe the fault of a condition that always or never holds for numbers in [low, high].

    Args:
        text: a condition such as `> 0.80`.
        low: the smallest possible value, inclusive.
        high: the largest possible value, inclusive.

    Returns:
        The fault in words; empty if the condition can both hold and fail.

    Raises:
        ValueError: `text` is not a condition.
    """
    if parse_condition(text).is_open(low, high):
        return ""
    return f"{text!r} can never hold or always holds, expected a bound between {low:g} and {high:g}"
