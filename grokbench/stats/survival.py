"""Times that may be censored: Kaplan-Meier, the median, and a log-rank test that keeps the pairs.

`times` are epochs (n,); `grokked` (n,) is False where the budget came first and the time is only a lower bound.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grokbench.stats import Floats, sign_flip

__all__ = ["kaplan_meier", "logrank", "logrank_scores", "median_time"]


def kaplan_meier(times: ArrayLike, grokked: ArrayLike) -> tuple[Floats, Floats]:
    """Kaplan and Meier's (1958) share not yet grokked after each time at which some replica grokked.

    Returns the k distinct times, ascending, and the shares (k,); both empty when nothing grokked. Before the first
    time the share is 1. A replica censored at a time is still at risk at that time.
    """
    t, hit = np.asarray(times, float), np.asarray(grokked, bool)
    at, events, at_risk = _risk_table(t, hit)
    return at, np.cumprod(1 - events / at_risk, dtype=np.float64)


def median_time(times: ArrayLike, grokked: ArrayLike) -> float | None:
    """The median time in epochs, None when fewer than half grokked ("> budget").

    Where exactly half have grokked by some time, the midpoint between it and the next grokking time, so that without
    censoring it is the ordinary median; that time itself where none follows (the rule of R's survfit).
    """
    at, share = kaplan_meier(times, grokked)
    reached = np.flatnonzero(share <= 0.5 + 1e-9)
    if reached.size == 0:
        return None
    first = int(reached[0])
    half_way = abs(share[first] - 0.5) < 1e-9 and first + 1 < at.size
    return float(at[first : first + 2].mean()) if half_way else float(at[first])


def logrank(
    baseline: ArrayLike, baseline_grokked: ArrayLike, method: ArrayLike, method_grokked: ArrayLike
) -> float | None:
    """Two-sided p of the log-rank statistic O - E of n pairs, labels exchanged within pairs.

    O - E is the method's sum of log-rank scores, grokked - cumulative hazard of the pooled sample (Peto and Peto 1972,
    J. R. Statist. Soc. A 135), and an exchange leaves the scores as they are: the test is a sign flip of their
    differences, exact where `stats.sign_flip` is. All censored or all tied: 1. No pairs: None.
    """
    return sign_flip(logrank_scores(baseline, baseline_grokked, method, method_grokked))


def logrank_scores(
    baseline: ArrayLike, baseline_grokked: ArrayLike, method: ArrayLike, method_grokked: ArrayLike
) -> Floats:
    """Method minus baseline of the log-rank scores, (n,); their sum is above 0 where the method groks sooner."""
    times = np.concatenate([np.asarray(baseline, float), np.asarray(method, float)])
    grokked = np.concatenate([np.asarray(baseline_grokked, bool), np.asarray(method_grokked, bool)])
    at, events, at_risk = _risk_table(times, grokked)
    hazard = np.concatenate([[0.0], np.cumsum(events / at_risk)])
    scores = grokked - hazard[np.searchsorted(at, times, side="right")]
    of_baseline, of_method = np.split(scores, 2)
    return of_method - of_baseline


def _risk_table(times: Floats, grokked: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Distinct grokking times (k,), how many grokked at each, how many were at risk just before."""
    at, events = np.unique(times[grokked], return_counts=True)
    at_risk = times.size - np.searchsorted(np.sort(times), at, side="left")
    return at, events.astype(float), at_risk.astype(float)
