"""The sign test of paired times, some of which never ended: its conclusion does not depend on the budget.

A side misses a seed if it does not grok on it. A seed that one side missed is a loss of this side, whatever the budget
is; a seed that both missed is a tie. The signs of the log ratios are tested by the exact sign test (Arbuthnott 1710;
ties are left out, Dixon and Mood 1946).

Two other tests use more of the times, but their conclusions depend on the budget: signed ranks of the ratios with
misses ranked last, and the pooled ranks of the win ratio (Finkelstein and Schoenfeld 1999). The simulation `failures`
compares the three for a method that is twice as fast on 70% of 25 seeds and diverges on 30%; the standard deviation of
the log times is 0.3. Budgets of 1.5, 3, 10 and 100 times the baseline's median lead to the same conclusion in 100% of
suites by the sign test, and in 94 to 95% by the others. Signed ranks also cannot be significant for 10 seeds if the
method missed one of them, because this seed has the largest rank. The effect size that belongs to the sign test is the
probability of superiority: the share of seeds on which the method wins.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from grokbench.stats.sign_flip_test import Floats

__all__ = ["log_ratio_brackets", "misses_last", "misses_last_favours"]


def misses_last(low: ArrayLike, high: ArrayLike) -> float | None:
    """Compute the two-sided p of the sign test for the least favourable log ratios within brackets.

    A sign never falls when its log ratio rises. Of all values in the brackets, the lower ends therefore have the fewest
    wins and the most losses. If the lower ends have more wins than losses, the p is theirs. If the upper ends have more
    losses than wins, the p is that of the upper ends. Otherwise it is 1.

    Args:
        low: least log ratios, baseline / method, (n,): +inf if only the method grokked, -inf if only the baseline did,
            0 if neither did; see `log_ratio_brackets`.
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
    """Compute a number above 0 if `misses_last` favours the method, below 0 if it favours the baseline.

    Args:
        low: least log ratios, (n,), as for `misses_last`.
        high: greatest log ratios, (n,).

    Returns:
        The method's wins - losses: the value closest to zero within the brackets, or 0 if they contain both signs.
    """
    least, most = (float(np.sign(np.asarray(ends, float)).sum()) for ends in (low, high))
    return max(least, 0.0) + min(most, 0.0)


def log_ratio_brackets(baseline: ArrayLike, method: ArrayLike) -> tuple[Floats, Floats]:
    """Compute the brackets of log ratios, baseline / method, from the brackets of the times.

    A seed that both sides missed is a tie if both were censored or both diverged. If only the method diverged, the
    baseline may still grok after its budget but the method never will, so the bracket is (-inf, 0); in the opposite
    case it is (0, inf). With a tie instead, a small budget that censors the baseline would turn losses of a diverging
    method into ties.

    Args:
        baseline: least and greatest times, (2, n), above 0: (B, inf) if censored at B, (inf, inf) if diverged.
        method: the method's times on the same seeds, in the same form.

    Returns:
        The least and the greatest log ratios, (n,) each. Both are 0 for a tie of misses; both are +inf if only the
        baseline missed, and -inf if only the method missed.
    """
    (before, before_most), (after, after_most) = np.asarray(baseline, float), np.asarray(method, float)
    missed, also_missed = np.isinf(before_most), np.isinf(after_most)
    with np.errstate(divide="ignore", invalid="ignore"):  # infinite times; these pairs are replaced below
        low, high = np.log(before / after_most), np.log(before_most / after)
    only = np.where(missed, np.inf, -np.inf)
    low, high = (np.where(missed != also_missed, only, ends) for ends in (low, high))
    both, lasting = (
        missed & also_missed,
        np.isinf(before).astype(int) - np.isinf(after),
    )  # 1: only the baseline diverged
    low = np.where(both, np.where(lasting < 0, -np.inf, 0.0), low)
    return low, np.where(both, np.where(lasting > 0, np.inf, 0.0), high)
