"""The number of paired seeds that a cell needs to detect a speed-up, from the spread of its present pairs.

Under a true speed-up s, the log ratio of a pair is modelled as log s plus a residual, drawn from the observed
residuals: the spread of log ratios is assumed not to depend on s. The number of seeds comes from the normal
approximation and is then corrected by simulation: pairs are drawn from the residuals and tested as the leaderboard
does, by the exact sign-flip test at the strictest step of Holm's procedure, alpha over the number of planned
comparisons.

The spread of a few pairs is itself uncertain: in every second pilot study, the number of seeds computed from it gives
too little power. Each result is therefore shown together with the result for the upper limit of the spread, which is
the end of a one-sided interval of confidence LIMIT under normal log ratios.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grokbench import stats
from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.judging.sample_size import MOST_SEEDS, Aim, enough_seeds, fewest_seeds, power_at_limit, power_of
from grokbench.stats import Floats
from grokbench.stats.normal import deviation_limit

__all__ = ["FEWEST_PAIRS", "LIMIT", "Need", "needs"]

FEWEST_PAIRS = 4  # with fewer pairs, no spread is estimated
LIMIT = 0.8  # confidence of the upper limit of a spread


@dataclass(frozen=True)
class Need:
    """The seeds that one cell needs.

    Attributes:
        task: label of the task.
        regularizer: label of the method.
        pairs: finished pairs in the folder.
        spread: standard deviation of the pairs' log ratios; None for fewer than FEWEST_PAIRS pairs.
        spread_limit: the upper limit of that deviation, for normal log ratios.
        seeds: the number of seeds that detects the speed-up; None if it is unknown or larger than MOST_SEEDS.
        seeds_limit: the same number if the spread is at its upper limit; None as for `seeds`.
        power: the simulated power with `seeds` seeds.
        power_limit: the power with `seeds` seeds if the spread is at its upper limit.
        detectable: smallest speed-up that the planned seeds detect, by the normal approximation; None if they detect
            none.
        detectable_limit: smallest such speed-up if the spread is at its upper limit.
        note: a remark on these numbers, if there is one.
    """

    task: str
    regularizer: str
    pairs: int
    spread: float | None = None
    spread_limit: float | None = None
    seeds: int | None = None
    seeds_limit: int | None = None
    power: float | None = None
    power_limit: float | None = None
    detectable: float | None = None
    detectable_limit: float | None = None
    note: Note | None = None


def needs(found: Comparisons, aim: Aim) -> Iterator[Need]:
    """Yield the needs of every cell of a folder except the baselines, in the order of the suite.

    Args:
        found: the comparisons of the whole folder.
        aim: the speed-up to detect, the same for every cell.
    """
    for each in found.cells:
        if not each.is_baseline:
            yield _need(each, aim)


def _need(each: Comparison, aim: Aim) -> Need:
    cell, logs = each.measured.cell, _log_ratios(each)
    if logs.size < FEWEST_PAIRS:
        text = f"run at least {FEWEST_PAIRS} of its seeds and the baseline's: its spread is not known yet"
        few = info(Kind.TOO_FEW_PAIRS, text, FEWEST_PAIRS)
        return Need(cell.task, cell.regularizer, logs.size, note=few)
    residuals = (logs - logs.mean()) * math.sqrt(logs.size / (logs.size - 1))  # draws have the sample's variance
    spread, widened = float(logs.std(ddof=1)), deviation_limit(1.0, logs.size, LIMIT)
    power, least_power = power_of(residuals, aim), power_at_limit(residuals, spread, widened, aim)
    seeds = fewest_seeds(power, spread, aim)
    return Need(
        cell.task,
        cell.regularizer,
        logs.size,
        spread=spread,
        spread_limit=spread * widened,
        seeds=seeds,
        seeds_limit=enough_seeds(least_power, spread * widened, aim, seeds) if seeds else None,
        power=power(seeds) if seeds else None,
        power_limit=least_power(seeds) if seeds else None,
        detectable=_detectable(spread, aim),
        detectable_limit=_detectable(spread * widened, aim),
        note=_censoring(each) or _beyond(seeds),
    )


def _detectable(spread: float, aim: Aim) -> float | None:
    if stats.smallest_p(aim.planned) > aim.strictest:
        return None
    return math.exp(aim.quantiles * spread / math.sqrt(aim.planned))


def _log_ratios(each: Comparison) -> Floats:
    """Compute the log ratios (n,) of the n seeds that finished in both."""
    if each.baseline is None:
        return np.zeros(0)
    before, after = (
        {run.seed: time for run, time in zip(side.finished, side.ratio_times, strict=True)}
        for side in (each.baseline, each.measured)
    )
    return np.log([before[seed] / after[seed] for seed in sorted(before.keys() & after.keys())])


def _censoring(each: Comparison) -> Note | None:
    sides = [side for side in (each.baseline, each.measured) if side is not None]
    missed = sum(len(side.grokked) - sum(side.grokked) for side in sides)
    text = f"{missed} replicas did not grok: the spread is understated"
    return caution(Kind.SPREAD_UNDERSTATED, text, missed) if missed else None


def _beyond(seeds: int | None) -> Note | None:
    return None if seeds else info(Kind.BEYOND_MOST_SEEDS, f"more than {MOST_SEEDS} seeds", MOST_SEEDS)
