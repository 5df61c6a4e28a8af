"""The expected result of the best of k trials, which a shorter search would find."""

from collections.abc import Sequence
from math import comb, exp, log

from grokbench.tune.scores import Score, ranking

__all__ = ["best_of", "chances"]


def chances(trials: int, k: int) -> list[float]:
    """Return the probability that the trial of each rank is the best of k, drawn without replacement.

    The other k - 1 trials must rank lower, so rank i of n is the best with probability C(n - i, k - 1) / C(n, k). The
    resulting estimate of the expected best is unbiased, unlike the estimate from draws with replacement (Tang et al.,
    "Showing your work doesn't always work", 2020, arXiv:2004.13705).

    Args:
        trials: the number of trials, n.
        k: from 1 to n.
    """
    return [comb(trials - rank, k - 1) / comb(trials, k) for rank in range(1, trials + 1)]


def best_of(scores: Sequence[Score], k: int) -> tuple[float, float]:
    """Return the expected epochs to grok and the expected share of seeds that grokked, of the best of k trials.

    Args:
        scores: the scores of all trials, in their order.
        k: from 1 to the number of trials.
    """
    ranked = [scores[i] for i in ranking(scores)]
    drawn = list(zip(chances(len(scores), k), ranked, strict=True))
    epochs = exp(sum(chance * log(score.epochs) for chance, score in drawn))
    return epochs, sum(chance * score.grokked / score.seeds for chance, score in drawn)
