"""The best of k trials that a shorter search would be expected to find."""

from collections.abc import Sequence
from math import comb, exp, log

from grokbench.tune.scores import Score, ranking

__all__ = ["best_of", "chances"]


def chances(trials: int, k: int) -> list[float]:
    """Return the probability that the trial of each rank is the best of k, drawn without replacement.

    All but k - 1 of the k trials rank lower, so rank i of n is the best with C(n - i, k - 1) / C(n, k). The estimate of
    the expected best is without bias, unlike the one with replacement (Tang et al., "Showing your work doesn't always
    work", 2020, arXiv:2004.13705).

    Args:
        trials: their number, n.
        k: from 1 to n.
    """
    return [comb(trials - rank, k - 1) / comb(trials, k) for rank in range(1, trials + 1)]


def best_of(scores: Sequence[Score], k: int) -> tuple[float, float]:
    """Return the expected epochs to grok and the expected share of seeds that grokked, of the best of k trials.

    Args:
        scores: the scores of all trials, in their order.
        k: from 1 to their number.
    """
    ranked = [scores[i] for i in ranking(scores)]
    drawn = list(zip(chances(len(scores), k), ranked, strict=True))
    epochs = exp(sum(chance * log(score.epochs) for chance, score in drawn))
    return epochs, sum(chance * score.grokked / score.seeds for chance, score in drawn)
