"""Gini coefficients of the Fourier norms of matrices: few frequencies mark the trigonometric circuit.

Nanda et al., "Progress measures for grokking via mechanistic interpretability", ICLR 2023, arXiv:2301.05217; Walker et
al., "What deep networks want to learn and how to get there", Figure 8. With a matrix M (T, d), whose rows belong to
tokens, N_k = || sum_t exp(-2 pi i k t / T) M[t] ||, and N sorted in ascending order,

    G = sum_j (2 j - n - 1) N_(j) / (n sum_j N_(j))

from 0 (all norms are equal) towards 1 (one frequency holds all). `numbers`: only the rows of the numbers 0, ..., p - 1,
and k = 0, ..., floor(p / 2). `all`: every row, including that of the token =, and k = 0, ..., T - 1. All frequencies
except the first then count twice, as in the code of Walker et al. Cost: T^2 d operations.
"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from grokbench import Metric, Probe, hookimpl

from .fourier import FLOOR, turns

Tokens = Literal["numbers", "all"]


def embedding_gini(tokens: Tokens = "numbers") -> Metric:
    """The Gini coefficient of the Fourier norms of the task's embedding, W_E in a transformer: from 0 towards 1."""
    return _metric("embedding", tokens)


def unembedding_gini(matrix: Literal["W_U", "W_L"] = "W_U", tokens: Tokens = "numbers") -> Metric:
    """The Gini coefficient of the Fourier norms of a matrix that writes the outputs: from 0 towards 1.

    `W_U`: the unembedding. `W_L`: W_out W_U, the map from the neurons of the MLP to the outputs, which Nanda et al. and
    the code of Walker et al., Figure 8, measure beside the embedding. The rows belong to outputs.
    """
    return _metric({"W_U": "unembedding", "W_L": "neuron_logits"}[matrix], tokens)


def _metric(fact: str, tokens: Tokens) -> Metric:
    measure = partial(measure_gini, fact=fact, tokens=tokens)
    return Metric(measure=measure, facts=("modulus", fact), bounds=(0.0, 1.0))


def measure_gini(probe: Probe, *, fact: str, tokens: Tokens) -> Tensor:
    """The coefficient, (), of the matrix that a fact of the task makes from the parameters."""
    M = probe.task.facts[fact](probe.params)
    if tokens == "numbers":
        M = M[: probe.task.facts["modulus"]]
    T = len(M)
    k = torch.arange(T // 2 + 1 if tokens == "numbers" else T, device=M.device)
    return gini((turns(k, T, M.dtype) @ M).square().sum((1, 2)).sqrt())


def gini(values: Tensor) -> Tensor:
    """The Gini coefficient of n numbers that are not negative, (); Hurley & Rickard, 2009, arXiv:0811.4706."""
    n = len(values)
    ranks = torch.arange(1, n + 1, dtype=values.dtype, device=values.device)
    return ((2.0 * ranks - n - 1.0) * values.sort().values).sum() / (n * values.sum()).clamp_min(FLOOR)


@hookimpl
def grokbench_metrics():
    yield embedding_gini
    yield unembedding_gini
