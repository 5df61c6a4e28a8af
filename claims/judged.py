"""The judgement of a claim, and the comparisons over seeds from which it is made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean

__all__ = ["BySeed", "Judged", "both", "every_seed", "sooner"]

BySeed = Mapping[int, float]


@dataclass(frozen=True)
class Judged:
    """The judgement of a claim on a results folder.

    Attributes:
        holds: whether the claim holds.
        said: the numbers behind it, in a few words.
    """

    holds: bool
    said: str


def every_seed(*ascending: BySeed, names: str) -> Judged:
    """Judge whether, on every seed, values ascend strictly from one mapping to the next; with a nan they do not.

    Args:
        ascending: seed -> value, in the claimed order.
        names: the values in words, in the same order, for the text.
    """
    seeds = list(ascending[0])
    held = [all(a[seed] < b[seed] for a, b in zip(ascending, ascending[1:], strict=False)) for seed in seeds]
    means = " < ".join(f"{mean(each.values()):.3g}" for each in ascending)
    return Judged(all(held), f"{names}: {means} in the mean, in this order on {sum(held)} of {len(held)} seeds")


def both(*judged: Judged) -> Judged:
    """Join judgements into one, which holds if all of them hold."""
    return Judged(all(each.holds for each in judged), "; ".join(each.said for each in judged))


def sooner(fast: BySeed, slow: BySeed, names: str) -> Judged:
    """Judge whether epochs are smaller on every seed; infinity stands for a seed that never reaches the event."""
    held = [fast[seed] < slow[seed] for seed in fast]
    means = " and ".join(_epochs(each) for each in (fast, slow))
    return Judged(all(held), f"{names}: {means} epochs, sooner on {sum(held)} of {len(held)} seeds")


def _epochs(by_seed: BySeed) -> str:
    known = [epoch for epoch in by_seed.values() if math.isfinite(epoch)]
    missed = "" if len(known) == len(by_seed) else f" ({len(known)} of {len(by_seed)} seeds)"
    return (f"{mean(known):.0f}" if known else "never") + missed
