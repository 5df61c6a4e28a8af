"""Survival analysis of times that may be right-censored: Kaplan-Meier, the median, and a paired log-rank test.

The event is grokking. `times` (n,) are epochs. `grokked` (n,) is False for a replica that was censored at the budget,
so that its time is only a lower bound.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grokbench.stats import Floats, sign_flip

__all__ = ["half_time", "kaplan_meier", "logrank", "logrank_scores", "median_time"]


def kaplan_meier(times: ArrayLike, grokked: ArrayLike) -> tuple[Floats, Floats]:
    """Compute the Kaplan-Meier (1958) estimate of the survival function: the share of replicas that has not grokked.

    The estimate at t is the product of 1 - events / number at risk over the distinct event times up to t. A replica
    that is censored at an event time is still at risk at that time.

    Args:
        times: epochs, (n,).
        grokked: whether the event was observed, (n,).

    Returns:
        The k distinct event times in ascending order, and the estimate just after each, (k,); both are empty without
        events. Before the first event the estimate is 1.
    """
    t, hit = np.asarray(times, float), np.asarray(grokked, bool)
    at, events, at_risk = _risk_table(t, hit)
    return at, np.cumprod(1 - events / at_risk, dtype=np.float64)


def median_time(times: ArrayLike, grokked: ArrayLike) -> float | None:
    """Estimate the median time from the Kaplan-Meier estimate.

    Args:
        times: epochs, (n,).
        grokked: whether the event was observed, (n,).

    Returns:
        The first event time at which the estimate is below 1/2. If the estimate equals 1/2 at an event time, the result
        is the midpoint between this and the next event time, as in R's survfit; without censoring, this midpoint is the
        sample median. None if the estimate does not fall to 1/2. Unlike in survfit, also None if the estimate ends at
        1/2 (`half_time`): the median is then at least the last event time, and has no known upper limit.
    """
    at, share = kaplan_meier(times, grokked)
    reached = np.flatnonzero(share <= 0.5 + 1e-9)
    if reached.size == 0:
        return None
    first = int(reached[0])
    if abs(share[first] - 0.5) > 1e-9:
        return float(at[first])
    return float(at[first : first + 2].mean()) if first + 1 < at.size else None


def half_time(times: ArrayLike, grokked: ArrayLike) -> float | None:
    """Return the last event time if the Kaplan-Meier estimate ends at 1/2; the median is then at least this time.

    Args:
        times: epochs, (n,).
        grokked: whether the event was observed, (n,).

    Returns:
        The time; None if the estimate ends at another value.
    """
    at, share = kaplan_meier(times, grokked)
    return float(at[-1]) if at.size and abs(share[-1] - 0.5) < 1e-9 else None


def logrank(
    baseline: ArrayLike, baseline_grokked: ArrayLike, method: ArrayLike, method_grokked: ArrayLike
) -> float | None:
    """Compute the two-sided p of a log-rank test (Mantel 1966) whose null distribution permutes labels within pairs.

    The statistic O - E, observed minus expected events, is the method's sum of the log-rank scores of Peto and Peto
    (1972, J. R. Statist. Soc. A 135): grokked - Nelson-Aalen cumulative hazard of the pooled sample. Exchanging labels
    does not change the scores, so the test is `sign_flip` of their paired differences.

    Args:
        baseline: epochs, (n,).
        baseline_grokked: whether the event was observed, (n,).
        method: epochs of the same seeds, (n,).
        method_grokked: whether the event was observed, (n,).

    Returns:
        The p; 1 if all replicas are censored or all times are tied; None without pairs.
    """
    return sign_flip(logrank_scores(baseline, baseline_grokked, method, method_grokked))


def logrank_scores(
    baseline: ArrayLike, baseline_grokked: ArrayLike, method: ArrayLike, method_grokked: ArrayLike
) -> Floats:
    """Compute the paired differences of log-rank scores, method - baseline, for `logrank`.

    Args:
        baseline: epochs, (n,).
        baseline_grokked: whether the event was observed, (n,).
        method: epochs of the same seeds, (n,).
        method_grokked: whether the event was observed, (n,).

    Returns:
        The differences, (n,); their sum is positive if the method groks sooner.
    """
    times = np.concatenate([np.asarray(baseline, float), np.asarray(method, float)])
    grokked = np.concatenate([np.asarray(baseline_grokked, bool), np.asarray(method_grokked, bool)])
    at, events, at_risk = _risk_table(times, grokked)
    hazard = np.concatenate([[0.0], np.cumsum(events / at_risk)])
    scores = grokked - hazard[np.searchsorted(at, times, side="right")]
    of_baseline, of_method = np.split(scores, 2)
    return of_method - of_baseline


def _risk_table(times: Floats, grokked: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Return the distinct event times (k,), the events at each, and the numbers at risk just before."""
    at, events = np.unique(times[grokked], return_counts=True)
    at_risk = times.size - np.searchsorted(np.sort(times), at, side="left")
    return at, events.astype(float), at_risk.astype(float)
