"""One cell against its baseline over paired seeds: the effect, its interval, its tests, and the published number."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grokbench import stats
from grokbench.judging.outcomes import Measured
from grokbench.stats.survival import logrank, logrank_scores

__all__ = ["AGREEMENT", "Effect", "effect", "obstacle", "seeds_to_settle", "verdict"]

VERDICT = 0.95  # confidence of the ratio of means, whatever the suite's: verdicts of two suites mean the same
AGREEMENT = 1.25  # the factor within which a published ratio counts as reproduced


@dataclass(frozen=True)
class Effect:
    """How much faster than the baseline; above 1 is faster. See the rules of measurement for every word."""

    speedup: float | None  # exp of the mean log ratio of capped times; None when neither side grokked
    low: float | None  # the interval of `speedup`, by inversion of the sign-flip test
    high: float | None
    bound: str | None  # None, or what censoring makes of the ratio: lower, upper, mixed
    of_means: float | None  # mean baseline time / mean method time, as papers report it
    of_means_low: float | None  # its interval (Fieller)
    of_means_high: float | None
    p: Mapping[str, float | None]  # sign_flip and wilcoxon of log ratios, paired_t of epochs, logrank
    favours: Mapping[str, float]  # by test, above 0 where what it tests is in favour of the method, below 0 against it
    effect_size: float | None  # d_z of the log ratios
    superiority: float | None  # share of seeds on which the method groks first, ties half


def obstacle(baseline: Measured | None, method: Measured) -> str | None:
    """Why a cell cannot be compared with its baseline, in words; None when it can."""
    if baseline is None:
        return f"no comparison: the suite plans no baseline for task {method.cell.task}"
    if not method.runs:
        return "no comparison: no seeds are planned"
    for name in ("budget", "evaluate_every"):
        mine, other = getattr(method.cell, name), getattr(baseline.cell, name)
        if mine != other:
            return f"no comparison: {name} is {mine} here and {other} for the baseline, and they have to be the same"
    if not method.complete:
        remedy = _remedy(method, "run the missing ones (--seeds)")
        return f"no test is made on fewer seeds than planned: {remedy} to complete this row"
    if not baseline.complete:
        remedy = _remedy(baseline, "run its missing seeds (--seeds)")
        return f"no comparison: the baseline is incomplete, {remedy} to complete it"
    return None


def _remedy(incomplete: Measured, missing: str) -> str:
    return missing if incomplete.missing else "mend what failed and run it again"


def effect(baseline: Measured, method: Measured, confidence: float = 0.95) -> Effect:
    """The paired effect of a complete cell on a complete baseline, seeds in the same order."""
    before, after = np.array(baseline.ratio_times), np.array(method.ratio_times)
    logs = np.log(before / after)
    informative = any(baseline.grokked) or any(method.grokked)
    ends = stats.sign_flip_interval(logs, confidence) if informative else (None, None)
    ratio_ends = stats.ratio_of_means_interval(before, after, VERDICT) if informative else (None, None)
    return Effect(
        speedup=float(np.exp(logs.mean())) if informative else None,
        low=_exp(ends[0]),
        high=_exp(ends[1]),
        bound=_bound(all(baseline.grokked), all(method.grokked)) if informative else None,
        of_means=float(before.mean() / after.mean()) if informative else None,
        of_means_low=ratio_ends[0],
        of_means_high=ratio_ends[1],
        p={
            "sign_flip": stats.sign_flip(logs),
            "paired_t": stats.paired_t(before - after),
            "wilcoxon": stats.wilcoxon(logs),
            "logrank": logrank(before, baseline.grokked, after, method.grokked),
        },
        favours={
            "sign_flip": float(logs.mean()),
            "paired_t": float((before - after).mean()),
            "wilcoxon": float(stats.signed_ranks(logs).sum()),
            "logrank": float(logrank_scores(before, baseline.grokked, after, method.grokked).sum()),
        },
        effect_size=stats.effect_size(logs),
        superiority=stats.superiority(before, after),
    )


def verdict(published: float, ours: Effect | None) -> str:
    """`reproduced`, `not reproduced` or `inconclusive`: our interval of the ratio of means against a published ratio.

    Reproduced when the interval lies within a factor AGREEMENT of it, not reproduced when it lies outside. Where
    censoring makes ours a bound, only the end that the bound leaves standing can decide, and only against it.
    """
    if ours is None or ours.of_means_low is None or ours.of_means_high is None or ours.bound == "mixed":
        return "inconclusive"
    above = ours.of_means_low > published * AGREEMENT
    below = ours.of_means_high < published / AGREEMENT
    if (above and ours.bound != "upper") or (below and ours.bound != "lower"):
        return "not reproduced"
    within = published / AGREEMENT <= ours.of_means_low and ours.of_means_high <= published * AGREEMENT
    return "reproduced" if within and ours.bound is None else "inconclusive"


def seeds_to_settle(published: float, ours: Effect, seeds: int) -> int | None:
    """About how many seeds would make an inconclusive verdict one or the other; None where seeds cannot.

    Supposes that our ratio of means and its spread stay what `seeds` seeds have shown, so that the interval shrinks
    around it like Student's quantile / sqrt(seeds). A ratio that censoring makes a bound needs a longer budget instead,
    and one on the very edge of agreement is never settled.
    """
    ratio, low, high = ours.of_means, ours.of_means_low, ours.of_means_high
    if ratio is None or low is None or high is None or ours.bound is not None or low <= 0:
        return None
    above, below = math.log(published * AGREEMENT / ratio), math.log(ratio * AGREEMENT / published)  # room to the edges
    up, down = math.log(high / ratio), math.log(ratio / low)
    if above == 0 or below == 0:
        return None
    if above < 0 or below < 0:
        excess = down / -above if above < 0 else up / -below
    else:
        excess = max(up / above, down / below)
    return stats.sample_size_to_narrow(seeds, excess)


def _bound(baseline_all: bool, method_all: bool) -> str | None:
    """What censoring makes of a ratio: a censored baseline hides part of the speed-up, a censored method flatters."""
    return {(True, True): None, (False, True): "lower", (True, False): "upper"}.get((baseline_all, method_all), "mixed")


def _exp(value: float | None) -> float | None:
    return None if value is None else float(np.exp(value))
