"""The number of paired seeds that a cell needs to detect a speed-up, from the spread of its present pairs.

Under a true speed-up s the log ratio of a pair is modelled as log s plus a residual drawn from those found: the spread
of log ratios is assumed not to depend on s. The number of seeds comes from the normal approximation and is then
corrected by simulation: pairs are drawn from the residuals and tested as the leaderboard does, by the exact sign-flip
test at the strictest step of Holm's procedure, alpha over the number of planned comparisons.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from grokbench import stats
from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.stats import Floats

__all__ = ["FEWEST_PAIRS", "MOST_SEEDS", "SIMULATIONS", "Aim", "Need", "needs", "simulated_power"]

FEWEST_PAIRS = 4  # below, no spread is estimated
MOST_SEEDS = 1000  # beyond, training them is impractical
SIMULATIONS = 500  # of an experiment: a standard error of at most 0.022
BLOCK = 4096  # random flips at once, the same for all experiments, where there are too many pairs to list them


@dataclass(frozen=True)
class Aim:
    """A speed-up to detect, and the test that has to detect it.

    Attributes:
        speedup: above 1.
        power: the probability with which it is to be detected, between 0 and 1.
        planned: seeds of the suite.
        family: comparisons over which Holm corrects; 1 without a correction.
        alpha: of the suite.
        primary: the suite's own test; the power is always that of the sign-flip test.
    """

    speedup: float
    power: float
    planned: int
    family: int
    alpha: float
    primary: str = "sign_flip"

    @property
    def strictest(self) -> float:
        """The largest p that is significant at the first step of Holm's procedure."""
        return self.alpha / max(self.family, 1)

    @property
    def quantiles(self) -> float:
        """The z of 1 - alpha / 2 plus the z of the power."""
        from scipy.special import ndtri

        return float(ndtri(1 - self.strictest / 2) + ndtri(self.power))


@dataclass(frozen=True)
class Need:
    """The seeds that one cell needs.

    Attributes:
        task: label of the task.
        regularizer: label of the method.
        pairs: finished pairs in the folder.
        spread: standard deviation of their log ratios; None for fewer than FEWEST_PAIRS.
        seeds: number that detects the speed-up; None where that is unknown or beyond MOST_SEEDS.
        power: simulated at `seeds`.
        detectable: smallest speed-up that the planned seeds detect, by the normal approximation; None if they detect
            none.
        note: a remark on these numbers, if there is one.
    """

    task: str
    regularizer: str
    pairs: int
    spread: float | None
    seeds: int | None
    power: float | None
    detectable: float | None
    note: Note | None = None


def needs(found: Comparisons, aim: Aim) -> Iterator[Need]:
    """Yield the needs of every cell of a folder but the baselines, in the order of the suite.

    Args:
        found: of the whole folder.
        aim: the same for every cell.
    """
    for each in found.cells:
        if not each.is_baseline:
            yield _need(each, aim)


def _need(each: Comparison, aim: Aim) -> Need:
    cell, logs = each.measured.cell, _log_ratios(each)
    if logs.size < FEWEST_PAIRS:
        text = f"run at least {FEWEST_PAIRS} of its seeds and the baseline's: its spread is not known yet"
        few = info(Kind.TOO_FEW_PAIRS, text, FEWEST_PAIRS)
        return Need(cell.task, cell.regularizer, logs.size, None, None, None, None, few)
    residuals = (logs - logs.mean()) * math.sqrt(logs.size / (logs.size - 1))  # a draw has the sample's variance
    spread = float(logs.std(ddof=1))
    seeds, reached = _seeds_for(residuals, spread, aim)
    note = _censoring(each) or _beyond(seeds)
    return Need(cell.task, cell.regularizer, logs.size, spread, seeds, reached, _detectable(spread, aim), note)


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


def _seeds_for(residuals: Floats, spread: float, aim: Aim) -> tuple[int | None, float | None]:
    """Find the fewest seeds near the normal approximation that simulation confirms, and their power."""
    effect, fewest = math.log(aim.speedup), stats.pairs_needed(1, aim.strictest)
    simulated = partial(simulated_power, residuals, effect, aim.strictest)
    seeds = max(fewest, math.ceil((aim.quantiles * spread / effect) ** 2))
    while seeds <= MOST_SEEDS and simulated(seeds) < aim.power:
        seeds += max(1, seeds // 20)
    if seeds > MOST_SEEDS:
        return None, None
    while seeds > fewest and simulated(seeds - 1) >= aim.power:
        seeds -= 1
    return seeds, simulated(seeds)


def simulated_power(residuals: Floats, effect: float, alpha: float, seeds: int) -> float:
    """Simulate the power of the sign-flip test: the share of SIMULATIONS experiments in which it finds the effect.

    Args:
        residuals: log ratios (n,) around their mean, drawn from with replacement.
        effect: the true mean log ratio.
        alpha: the largest p that is significant.
        seeds: pairs of an experiment.
    """
    if stats.smallest_p(seeds) > alpha:
        return 0.0
    generator = np.random.Generator(np.random.Philox(key=seeds))
    logs = effect + residuals[generator.integers(0, residuals.size, (SIMULATIONS, seeds))]
    if seeds <= stats.EXACT_PAIRS:
        p = np.array([stats.sign_flip(experiment) for experiment in logs])
    else:
        reached, blocks = np.ones(SIMULATIONS), -(-stats.MONTE_CARLO_DRAWS // BLOCK)
        for _ in range(blocks):
            flipped = (1.0 - 2.0 * generator.integers(0, 2, (BLOCK, seeds))) @ logs.T  # (BLOCK, SIMULATIONS)
            reached += (np.abs(flipped) >= np.abs(logs.sum(1))).sum(0)
        p = reached / (1 + blocks * BLOCK)
    return float(((p <= alpha) & (logs.mean(1) > 0)).mean())
