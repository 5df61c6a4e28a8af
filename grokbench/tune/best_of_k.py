"""The expected result of the best of k trials: what a search of only k trials would find."""

from collections.abc import Sequence
from math import comb, exp, log

from grokbench.tune.scores import Score, ranking

__all__ = ["best_of", "chances"]


def chances(trials: int, k: int) -> list[float]:
    """Return, for each rank, the probability that the trial of this rank is the best of k.

    The k trials are drawn from n without replacement. If the trial of rank i is the best, the other k - 1 trials rank
    lower, so the probability is C(n - i, k - 1) / C(n, k). The resulting estimate of the expected best is unbiased,
    unlike the estimate from draws with replacement (Tang et al., "Showing your work doesn't always work", 2020,
    arXiv:2004.13705).

    Args:
        trials: the number of all trials, n.
        k: the number of drawn trials, from 1 to n.
    """
    return [comb(trials - rank, k - 1) / comb(trials, k) for rank in range(1, trials + 1)]


def best_of(scores: Sequence[Score], k: int) -> tuple[float, float]:
    """Return the expected result of the best of k trials: epochs to grok, and share of seeds that grokked.

    Args:
        scores: the scores of all trials, in their order.
        k: the number of drawn trials, from 1 to the number of all trials.
    """
    ranked = [scores[i] for i in ranking(scores)]
    drawn = list(zip(chances(len(scores), k), ranked, strict=True))
    epochs = exp(sum(chance * log(score.epochs) for chance, score in drawn))
    return epochs, sum(chance * score.grokked / score.seeds for chance, score in drawn)
