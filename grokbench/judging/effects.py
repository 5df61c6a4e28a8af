"""One cell against its baseline over paired seeds: the effect, its interval and its tests."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grokbench import stats
from grokbench.judging.note import Kind, Note, info
from grokbench.judging.outcomes import Measured
from grokbench.stats.survival import logrank, logrank_scores

__all__ = ["Effect", "effect", "obstacle"]

VERDICT = 0.95  # confidence of the ratio of means, whatever the suite's: verdicts of two suites mean the same


@dataclass(frozen=True)
class Effect:
    """A method's effect on epochs to grok over n paired seeds, as `docs/reading.md` explains it to readers.

    A time is min(T, B), the budget B where a seed did not grok, and at least one evaluation interval. Ratios are those
    of the baseline to the method: above 1 the method is faster.

    Attributes:
        speedup: exp of the mean log ratio of times; None when neither side grokked on any seed.
        low: lower end of its interval, which inverts the sign-flip test.
        high: upper end of that interval.
        bound: "lower" where the baseline has seeds that did not grok, "upper" where the method has some, "mixed" where
            both have, else None.
        of_means: mean time of the baseline / mean time of the method, the ratio that papers report.
        of_means_low: lower end of its interval (Fieller's).
        of_means_high: upper end of that interval.
        p: by test: `sign_flip` and `wilcoxon` of log ratios, `paired_t` of epochs, `logrank`.
        favours: by test, a number above 0 where its statistic favours the method, below 0 where the baseline.
        effect_size: d_z of the log ratios.
        superiority: share of seeds on which the method groks first, ties half.
    """

    speedup: float | None
    low: float | None
    high: float | None
    bound: str | None
    of_means: float | None
    of_means_low: float | None
    of_means_high: float | None
    p: Mapping[str, float | None]
    favours: Mapping[str, float]
    effect_size: float | None
    superiority: float | None


def obstacle(baseline: Measured | None, method: Measured, name: str = "the baseline") -> Note | None:
    """Find out why a cell cannot be compared with its baseline, or with another one; None when it can.

    Args:
        baseline: None where the suite plans none for the task.
        method: another cell of the task.
        name: of the cell in place of the baseline's.
    """
    if baseline is None:
        task, planned = method.cell.task, name.removeprefix("the ")
        return info(Kind.NOT_COMPARED, f"no comparison: the suite plans no {planned} for task {task}", planned, task)
    if not method.runs:
        return info(Kind.NOT_COMPARED, "no comparison: no seeds are planned", "seeds")
    for key in ("budget", "evaluate_every"):
        mine, other = getattr(method.cell, key), getattr(baseline.cell, key)
        if mine != other:
            text = f"no comparison: {key} is {mine} here and {other} for {name}, and they have to be the same"
            return info(Kind.NOT_COMPARED, text, key, mine, other)
    if not method.complete:
        remedy = _remedy(method, "run the missing ones (--seeds)")
        text = f"no test is made on fewer seeds than planned: {remedy} to complete this row"
        return info(Kind.NOT_COMPARED, text, "method", bool(method.missing))
    if not baseline.complete:
        remedy = _remedy(baseline, "run its missing seeds (--seeds)")
        text = f"no comparison: {name} is incomplete, {remedy} to complete it"
        return info(Kind.NOT_COMPARED, text, "incomplete baseline", bool(baseline.missing))
    return None


def _remedy(incomplete: Measured, missing: str) -> str:
    return missing if incomplete.missing else "mend what failed and run it again"


def effect(baseline: Measured, method: Measured, confidence: float = 0.95) -> Effect:
    """Compare a complete cell with its complete baseline.

    Args:
        baseline: the replicas of the baseline, n of them.
        method: those of the method, on the same n seeds in the same order.
        confidence: of the interval of the speed-up.
    """
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


def _bound(baseline_all: bool, method_all: bool) -> str | None:
    """Name the bound that a ratio is: a censored method makes it too large, a censored baseline too small."""
    return {(True, True): None, (False, True): "lower", (True, False): "upper"}.get((baseline_all, method_all), "mixed")


def _exp(value: float | None) -> float | None:
    return None if value is None else float(np.exp(value))
