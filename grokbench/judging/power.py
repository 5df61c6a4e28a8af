"""How many paired seeds a cell needs to detect a speed-up, from the spread that its pairs have shown.

Under a true speed-up s the log ratio of a pair is taken to be log s plus a residual as it was found: the spread of log
ratios is assumed not to depend on s. The number of seeds comes from the normal approximation and is then corrected by
simulation: pairs are drawn from the residuals, and tested as the leaderboard would, by the exact sign-flip test at the
strictest step of Holm's procedure, alpha over the number of planned comparisons.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from grokbench import stats
from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.stats import Floats

__all__ = ["FEWEST_PAIRS", "MOST_SEEDS", "SIMULATIONS", "Aim", "Need", "needs", "simulated_power"]

FEWEST_PAIRS = 4  # below, a spread is a guess
MOST_SEEDS = 1000  # beyond, nobody trains them
SIMULATIONS = 500  # of an experiment: a standard error of at most 0.022
BLOCK = 4096  # random flips at once, the same for all experiments, where there are too many pairs to list them


@dataclass(frozen=True)
class Aim:
    """What is to be detected, and by what test."""

    speedup: float  # above 1
    power: float  # how often it must be detected, between 0 and 1
    planned: int  # seeds of the suite
    family: int  # comparisons that Holm corrects over; 1 without a correction
    alpha: float  # of the suite
    primary: str = "sign_flip"  # the suite's test, whose power this may not be

    @property
    def strictest(self) -> float:
        """What p must not exceed at the first step of Holm's procedure."""
        return self.alpha / max(self.family, 1)

    @property
    def quantiles(self) -> float:
        """The z of 1 - alpha / 2 plus the z of the power."""
        from scipy.special import ndtri

        return float(ndtri(1 - self.strictest / 2) + ndtri(self.power))


@dataclass(frozen=True)
class Need:
    """What one cell needs."""

    task: str
    regularizer: str
    pairs: int  # found in the folder
    spread: float | None  # the standard deviation of log ratios; None where too few pairs are there
    seeds: int | None  # that detect the speed-up; None where that is unknown or beyond MOST_SEEDS
    power: float | None  # simulated at `seeds`
    detectable: float | None  # the smallest speed-up that the planned seeds detect, by the normal approximation, if any
    note: str = ""


def needs(found: Comparisons, aim: Aim) -> Iterator[Need]:
    """The needs of every cell of a folder but the baselines, in the order of the suite."""
    for each in found.cells:
        if not each.is_baseline:
            yield _need(each, aim)


def _need(each: Comparison, aim: Aim) -> Need:
    cell, logs = each.measured.cell, _log_ratios(each)
    if logs.size < FEWEST_PAIRS:
        why = f"run at least {FEWEST_PAIRS} of its seeds and the baseline's: nothing is known of its spread"
        return Need(cell.task, cell.regularizer, logs.size, None, None, None, None, why)
    residuals = (logs - logs.mean()) * math.sqrt(logs.size / (logs.size - 1))  # a draw has the sample's variance
    spread = float(logs.std(ddof=1))
    seeds, reached = _seeds_for(residuals, spread, aim)
    note = _censoring(each) or ("" if seeds else f"more than {MOST_SEEDS} seeds")
    return Need(cell.task, cell.regularizer, logs.size, spread, seeds, reached, _detectable(spread, aim), note)


def _detectable(spread: float, aim: Aim) -> float | None:
    if stats.smallest_p(aim.planned) > aim.strictest:
        return None
    return math.exp(aim.quantiles * spread / math.sqrt(aim.planned))


def _log_ratios(each: Comparison) -> Floats:
    """Of the seeds that finished in both."""
    if each.baseline is None:
        return np.zeros(0)
    before, after = (
        {run.seed: time for run, time in zip(side.finished, side.ratio_times, strict=True)}
        for side in (each.baseline, each.measured)
    )
    return np.log([before[seed] / after[seed] for seed in sorted(before.keys() & after.keys())])


def _censoring(each: Comparison) -> str:
    sides = [side for side in (each.baseline, each.measured) if side is not None]
    missed = sum(len(side.grokked) - sum(side.grokked) for side in sides)
    return f"{missed} replicas did not grok: the spread is understated" if missed else ""


def _seeds_for(residuals: Floats, spread: float, aim: Aim) -> tuple[int | None, float | None]:
    """The fewest seeds near the normal approximation that simulation confirms, and their power there."""
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
    """The share of SIMULATIONS experiments on so many pairs in which the sign-flip test finds the effect.

    Args:
        residuals: log ratios (n,) around their mean, drawn from with replacement.
        effect: the true mean log ratio.
        alpha: what p must not exceed.
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
