"""Speed-ups over all tasks of a suite: geometric means, with a stratified bootstrap interval.

A mean covers only the tasks of the suite; its interval says nothing about other tasks. Only estimates enter the mean. A
speed-up that is only a bound, because some seeds did not grok, is left out, and its task is named.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.paired_times import PairedTimes
from grokbench.stats import Floats, smallest_p

__all__ = ["DRAWS", "Aggregate", "aggregate"]

DRAWS = 10_000  # bootstrap samples


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """The speed-up of one method over the tasks of a suite.

    Attributes:
        regularizer: label of the method.
        speedup: geometric mean of the method's speed-ups over `tasks`; None for fewer than two tasks.
        low: lower end of the stratified bootstrap percentile interval at the suite's confidence. None if a task has too
            few seeds for an interval of its own.
        high: upper end of that interval.
        tasks: labels of the tasks on which the method's speed-up is an estimate, not a bound.
        left_out: each other task -> the kind of bound of the speed-up on it: lower, upper or mixed; None if there is no
            speed-up.
        without: task in `tasks` -> the geometric mean over all other tasks in `tasks`.
    """

    regularizer: str
    speedup: float | None
    low: float | None
    high: float | None
    tasks: tuple[str, ...]
    left_out: Mapping[str, str | None]
    without: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Convert the aggregate to JSON data."""
        return asdict(self)


def aggregate(found: Comparisons) -> tuple[Aggregate, ...]:
    """Average the speed-ups of every method over tasks; empty for a suite of one task.

    In a bootstrap sample, the seeds of each task are drawn with replacement, as many as the task has. The draws are the
    same for every method, and independent between tasks (Efron and Tibshirani 1993, An Introduction to the Bootstrap,
    chapter 13).
    """
    tasks = list(dict.fromkeys(each.measured.cell.task for each in found.cells))
    if len(tasks) < 2:
        return ()
    methods = dict.fromkeys(each.measured.cell.regularizer for each in found.cells if not each.is_baseline)
    drawn = {task: _resampled(task, len(found.manifest.seeds)) for task in tasks}
    cells = {each.measured.cell.key: each for each in found.cells}
    confidence = found.manifest.statistics.confidence
    return tuple(
        _aggregate(method, {task: cells.get((task, method)) for task in tasks}, drawn, confidence) for method in methods
    )


def _aggregate(
    method: str, cells: Mapping[str, Comparison | None], drawn: Mapping[str, NDArray[np.int64]], level: float
) -> Aggregate:
    """Average the speed-ups of a method, given by task; None for a task on which it is not planned."""
    times = {task: mine for task, each in cells.items() if (mine := _paired_times(each)) is not None}
    means = {task: float(mine.logs.mean()) for task, mine in times.items()}
    enough = len(means) > 1
    low, high = None, None
    if enough:
        low, _ = _interval({task: mine.least.logs for task, mine in times.items()}, drawn, level)
        _, high = _interval({task: mine.greatest.logs for task, mine in times.items()}, drawn, level)
    return Aggregate(
        regularizer=method,
        speedup=_geometric_mean(means.values()) if enough else None,
        low=low,
        high=high,
        tasks=tuple(means),
        left_out={task: _bound(each) for task, each in cells.items() if task not in means},
        without={task: _geometric_mean(m for other, m in means.items() if other != task) for task in means if enough},
    )


def _paired_times(each: Comparison | None) -> PairedTimes | None:
    """Collect the times of the baseline and the method; None if there is no estimate, or if it is a bound."""
    if each is None or each.effect is None or each.baseline is None:
        return None
    if each.effect.speedup is None or each.effect.bound is not None:
        return None
    return PairedTimes.of(each.baseline, each.measured)


def _bound(each: Comparison | None) -> str | None:
    return each.effect.bound if each and each.effect else None


def _resampled(task: str, seeds: int) -> NDArray[np.int64]:
    """Draw the indices of the seeds in every bootstrap sample, (DRAWS, seeds); the task's label is the key."""
    key = int.from_bytes(hashlib.sha256(task.encode(errors="surrogatepass")).digest()[:16], "big")
    return np.random.Generator(np.random.Philox(key=key)).integers(0, max(seeds, 1), (DRAWS, seeds))


def _interval(
    logs: Mapping[str, Floats], drawn: Mapping[str, NDArray[np.int64]], level: float
) -> tuple[float | None, float | None]:
    if any(smallest_p(mine.size) > 1 - level for mine in logs.values()):
        return None, None
    center = float(np.mean([mine.mean() for mine in logs.values()]))
    means = sum((mine[drawn[task]].mean(axis=1) for task, mine in logs.items()), np.zeros(DRAWS)) / len(logs)
    ends = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    low, high = np.exp(center + (ends - center) * _small_sample(min(mine.size for mine in logs.values()), level))
    return float(low), float(high)


def _small_sample(n: int, level: float) -> float:
    """Compute the factor by which a percentile bootstrap's interval of a mean of n values is too narrow.

    The bootstrap divides the variance by n instead of n - 1, and its quantiles approach the normal distribution's
    although Student's are needed.
    """
    from scipy.special import ndtri, stdtrit

    upper = (1 + level) / 2
    return float(math.sqrt(n / (n - 1)) * stdtrit(n - 1, upper) / ndtri(upper))


def _geometric_mean(logs: Iterable[float]) -> float:
    return float(np.exp(np.mean(list(logs))))
