"""Verdicts on claims of the literature, by rules that were written down before any result existed.

A claim is about a ratio: the reference's epochs to grok, divided by the method's. It is judged task by task, and then
over the tasks whose setting is nearest to the source's.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from grokbench.judging.conclusions import Conclusion

__all__ = ["OVER_TASKS", "PER_TASK", "SMALLEST", "Measured", "Verdict", "over_tasks", "per_task"]

SMALLEST = 1.25  # the smallest ratio that counts as an acceleration, if the source gives no ratio


class Verdict(StrEnum):
    """A verdict on a claim, on one task or over tasks."""

    HELD = "held"
    LARGER = "larger"
    SMALLER = "smaller"
    REVERSED = "reversed"
    NO_EFFECT = "no effect shown"
    MIXED = "differs between tasks"
    NOT_DECIDED = "not decided"
    NOT_RUN = "not run"


PER_TASK = {  # the first rule that applies decides
    Verdict.NOT_RUN: "a seed of the method or of its reference has no result yet",
    Verdict.REVERSED: "the method is significantly slower",
    Verdict.HELD: "the method is significantly faster, the interval of the speed-up lies above 1, and the published "
    "ratio, if there is one, lies within the interval",
    Verdict.SMALLER: "likewise, but the interval lies below the published ratio",
    Verdict.LARGER: "likewise, but the interval lies above the published ratio",
    Verdict.NO_EFFECT: "the difference is not significant, and the interval begins at or below 1 and ends below the "
    f"published ratio, or below {SMALLEST:g} if there is none",
    Verdict.NOT_DECIDED: "everything else",
}
OVER_TASKS = {
    Verdict.NOT_RUN: "one of the tasks is *not run*",
    Verdict.HELD: "*held* or *larger* on every task",
    Verdict.SMALLER: "*held*, *larger* or *smaller* on every task, *smaller* on at least one",
    Verdict.NO_EFFECT: "*no effect shown* on every task",
    Verdict.REVERSED: "*reversed* on at least one task, and *held*, *larger* or *smaller* on none",
    Verdict.MIXED: "*held*, *larger* or *smaller* on one task, *reversed* or *no effect shown* on another",
    Verdict.NOT_DECIDED: "everything else",
}
FASTER = {Verdict.HELD, Verdict.LARGER, Verdict.SMALLER}
AGAINST = {Verdict.REVERSED, Verdict.NO_EFFECT}


@dataclass(frozen=True)
class Measured:
    """The measured ratio of a method and its reference on one task.

    Attributes:
        seeds: the planned seeds.
        finished: the seeds with a result on both sides; on the side with fewer results, if the two differ.
        grokked: the seeds that grokked, of the method and of the reference.
        speedup: the ratio; None if it was not computed.
        low: the lower end of its interval; None if it is not known, or made invalid by seeds that did not grok.
        high: the upper end of its interval; None as for `low`.
        bound: the kind of bound that the ratio is, see `Row`.
        conclusion: the conclusion of the deciding test, after the correction of p.
        p: the p of that test, after the correction.
    """

    seeds: int
    finished: int
    grokked: tuple[int, int] = (0, 0)
    speedup: float | None = None
    low: float | None = None
    high: float | None = None
    bound: str | None = None
    conclusion: Conclusion | None = None
    p: float | None = None

    @property
    def complete(self) -> bool:
        """True if every planned seed has a result on both sides."""
        return self.finished == self.seeds > 0

    def inverted(self) -> "Measured":
        """Exchange method and reference."""
        flipped = {Conclusion.FASTER: Conclusion.SLOWER, Conclusion.SLOWER: Conclusion.FASTER}
        bounds = {"lower": "upper", "upper": "lower"}
        speedup, high, low = (1 / value if value else None for value in (self.speedup, self.low, self.high))
        return replace(
            self,
            grokked=self.grokked[::-1],
            speedup=speedup,
            low=low,
            high=high,
            bound=bounds.get(self.bound or "", self.bound),
            conclusion=flipped.get(self.conclusion, self.conclusion) if self.conclusion else None,
        )


def per_task(found: Measured | None, published: float | None) -> Verdict:
    """Judge a claim on one task by PER_TASK.

    Args:
        found: the measured ratio; None if there are no results.
        published: the published ratio, above 1; None if the source gives none.
    """
    if found is None or not found.complete:
        return Verdict.NOT_RUN
    if found.conclusion is Conclusion.SLOWER:
        return Verdict.REVERSED
    low, high = found.low or 0.0, math.inf if found.high is None else found.high
    if found.conclusion is Conclusion.FASTER and low > 1:
        return _against(published, low, high)
    below = low <= 1 and high < (published or SMALLEST)
    return Verdict.NO_EFFECT if below and found.conclusion is not Conclusion.FASTER else Verdict.NOT_DECIDED


def _against(published: float | None, low: float, high: float) -> Verdict:
    """Compare a published ratio with the interval of an acceleration."""
    if published is None or low <= published <= high:
        return Verdict.HELD
    return Verdict.SMALLER if high < published else Verdict.LARGER


def over_tasks(verdicts: Collection[Verdict]) -> Verdict:
    """Join the verdicts of at least one task by OVER_TASKS."""
    found = set(verdicts)
    if Verdict.NOT_RUN in found:
        return Verdict.NOT_RUN
    if found <= FASTER:
        return Verdict.SMALLER if Verdict.SMALLER in found else Verdict.HELD
    if found == {Verdict.NO_EFFECT}:
        return Verdict.NO_EFFECT
    if found & FASTER:
        return Verdict.MIXED if found & AGAINST else Verdict.NOT_DECIDED
    return Verdict.REVERSED if Verdict.REVERSED in found else Verdict.NOT_DECIDED
