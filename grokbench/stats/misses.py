"""The sign test of paired times of which some never came to an end: a conclusion that the budget cannot turn.

A seed that one side missed is a loss of that side, whatever the budget; a seed that both missed is a tie. The signs of
the log ratios are tested by the exact sign test (Arbuthnott 1710; ties are left out, Dixon and Mood 1946).

Ranks of the ratios with misses ranked last, and the pooled ranks of the win ratio (Finkelstein and Schoenfeld 1999),
use more of the times, but follow the budget: for a method that is twice as fast on 70% of 25 seeds and diverges on 30%,
suites of budgets between 1.5 and 100 times the baseline's median agree less often than with the sign test. Ranks can
also not decide for 10 seeds of which the method missed a single one, since that one has the largest rank. The sign test
goes with the probability of superiority, which is the share of seeds on which the method wins. The simulation
`failures` compares them.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.sign_flip_test import Floats

__all__ = ["log_ratio_brackets", "misses_last", "misses_last_favours"]


def misses_last(low: ArrayLike, high: ArrayLike) -> float | None:
    """Compute the two-sided p of the sign test of log ratios, for the least favourable ones within brackets.

    The signs do not fall when a log ratio rises, so that of all values in the brackets the lower ends have the fewest
    wins and the most losses. The p is theirs where they have more wins, that of the upper ends where those have more
    losses, and 1 elsewhere.

    Args:
        low: least log ratios, baseline / method, (n,): +inf where only the method grokked, -inf where only the baseline
            did, 0 where neither did; see `log_ratio_brackets`.
        high: greatest log ratios, (n,).

    Returns:
        The p, exact for any n; 1 if all are ties; None without pairs.
    """
    net = misses_last_favours(low, high)
    if net == 0:
        return 1.0 if np.size(low) else None
    signs = np.sign(np.asarray(low if net > 0 else high, float))
    wins, losses = int((signs > 0).sum()), int((signs < 0).sum())
    tail = sum(math.comb(wins + losses, k) for k in range(min(wins, losses) + 1))
    return min(1.0, tail / 2 ** (wins + losses - 1))


def misses_last_favours(low: ArrayLike, high: ArrayLike) -> float:
    """Compute a number above 0 where `misses_last` favours the method, below 0 where it favours the baseline.

    Args:
        low: least log ratios, (n,), as for `misses_last`.
        high: greatest log ratios, (n,).

    Returns:
        Wins - losses of the method, the value closest to zero within the brackets; 0 where they contain both signs.
    """
    least, most = (float(np.sign(np.asarray(ends, float)).sum()) for ends in (low, high))
    return max(least, 0.0) + min(most, 0.0)


def log_ratio_brackets(baseline: ArrayLike, method: ArrayLike) -> tuple[Floats, Floats]:
    """Compute the brackets of log ratios, baseline / method, of times that are known within brackets.

    A seed that both sides missed is a tie if both were censored or both diverged. If only the method diverged, the
    baseline may still grok after its budget and the method never, so the bracket is (-inf, 0), and (0, inf) in the
    opposite case. Without this, censoring the baseline at a small budget would turn losses of a method that diverges
    into ties.

    Args:
        baseline: least and greatest times, (2, n), above 0: (B, inf) where censored at B, (inf, inf) where diverged.
        method: likewise, of the same seeds.

    Returns:
        The least and the greatest log ratios, (n,) each; both 0 for a tie of misses, both +-inf where one side missed.
    """
    (before, before_most), (after, after_most) = np.asarray(baseline, float), np.asarray(method, float)
    missed, also_missed = np.isinf(before_most), np.isinf(after_most)
    with np.errstate(divide="ignore", invalid="ignore"):  # of infinite times, in pairs that are replaced
        low, high = np.log(before / after_most), np.log(before_most / after)
    only = np.where(missed, np.inf, -np.inf)
    low, high = (np.where(missed != also_missed, only, ends) for ends in (low, high))
    both, lasting = (
        missed & also_missed,
        np.isinf(before).astype(int) - np.isinf(after),
    )  # 1: only the baseline diverged
    low = np.where(both, np.where(lasting < 0, -np.inf, 0.0), low)
    return low, np.where(both, np.where(lasting > 0, np.inf, 0.0), high)
