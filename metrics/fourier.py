"""The progress measures of Nanda et al. for modular arithmetic, from Fourier components of the outputs.

Nanda et al., "Progress measures for grokking via mechanistic interpretability", ICLR 2023, arXiv:2301.05217. A task
with the fact "modulus", p, has all p^2 pairs in its splits train and test together, and each answer s in 0, ..., p - 1
belongs to p of them. The mean output per answer, M (p, C), is the projection of the outputs of all pairs onto the
functions of the answer, and w_k = 2 pi k / p splits it into waves, for k = 1, ..., (p - 1) / 2:

    A_k = (2 / p) sum_s cos(w_k s) M[s]        B_k = (2 / p) sum_s sin(w_k s) M[s]        P_k = ||A_k||^2 + ||B_k||^2
    W_k[s] = cos(w_k s) A_k + sin(w_k s) B_k

W_k[(a + b) mod p] equals the projection of the outputs of all pairs onto cos(w_k(a + b)) and sin(w_k(a + b)), which the
authors compute. The key frequencies are those with the largest P_k at this evaluation; the authors take those of the
network at the end of training. The frequency 1/2 of an even p is left out. Cost of each metric: the outputs of both
splits, shared with `loss` and `accuracy`, and some 2 p^3 C operations.
"""

import math
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from grokbench import Metric, Probe, hookimpl

from ._counts import at_least_one

FLOOR = 1e-30  # least sum before a division; the sum of a dead network is zero


class Waves(NamedTuple):
    """The waves of the mean output per answer."""

    mean: Tensor  # (C,): mean of the outputs of all pairs
    basis: Tensor  # (F, 2, p): cos(w_k s) and sin(w_k s)
    amplitudes: Tensor  # (F, 2, C): A_k and B_k
    powers: Tensor  # (F,): P_k

    def strongest(self, keys: int) -> Tensor:
        """The indices of the largest powers, (min(keys, F),), the largest first."""
        return self.powers.topk(min(keys, len(self.powers))).indices

    def superposed(self, chosen: Tensor) -> Tensor:
        """The sum of the W_k at the indices `chosen` (K,), for every answer: (p, C)."""
        kept = torch.zeros_like(self.powers).scatter(0, chosen, 1.0)
        return self.basis.flatten(0, 1).T @ (kept[:, None, None] * self.amplitudes).flatten(0, 1)


def waves(probe: Probe) -> Waves:
    """The waves of a network's outputs at all pairs."""
    p = probe.task.facts["modulus"]
    outputs = torch.cat([probe.outputs(split) for split in ("train", "test")])
    targets = torch.cat([probe.splits[split].targets for split in ("train", "test")])
    answers = (targets[:, None] == torch.arange(p, device=targets.device)).to(outputs.dtype)
    M = answers.T @ outputs / p
    basis = turns(torch.arange(1, (p + 1) // 2, device=M.device), p, M.dtype)
    amplitudes = 2.0 / p * basis @ M
    return Waves(M.mean(0), basis, amplitudes, amplitudes.square().sum((1, 2)))


def turns(k: Tensor, n: int, dtype: torch.dtype) -> Tensor:
    """cos(2 pi k t / n) and sin(2 pi k t / n) for t = 0, ..., n - 1, (len(k), 2, n)."""
    angle = 2.0 * math.pi / n * (k[:, None] * torch.arange(n, device=k.device) % n).double()
    return torch.stack([angle.cos(), angle.sin()], 1).to(dtype)


def restricted_loss(keys: int = 5) -> Metric:
    """The task's loss over all pairs, with the outputs reduced to their mean and their `keys` strongest waves W_k.

    This loss falls when the network's trigonometric circuit forms, before the test loss falls. The authors keep the
    mean over all pairs, too. They leave the output of the token = out of the loss; here it is kept.
    """
    measure = partial(measure_restricted_loss, keys=at_least_one(keys, "keys"))
    return Metric(measure=measure, better="lower", splits=("train", "test"), facts=("modulus",))


def measure_restricted_loss(probe: Probe, *, keys: int) -> Tensor:
    """The loss, (), computed per answer, since all answers have equally many pairs with equal restricted outputs."""
    found = waves(probe)
    outputs = found.mean + found.superposed(found.strongest(keys))
    return probe.task.loss(outputs, torch.arange(len(outputs), device=outputs.device))


def excluded_loss(keys: int = 5, remove: Literal["all", "each"] = "all") -> Metric:
    """The task's loss on the training set, with the `keys` strongest waves W_k subtracted from the outputs.

    This loss rises when the network stops relying on memory. `all` removes the frequencies together, as the paper says;
    `each` removes one frequency at a time and takes the mean of the losses, as the authors' code does.
    """
    measure = partial(measure_excluded_loss, keys=at_least_one(keys, "keys"), together=remove == "all")
    return Metric(measure=measure, splits=("train", "test"), facts=("modulus",))


def measure_excluded_loss(probe: Probe, *, keys: int, together: bool) -> Tensor:
    """The loss, ()."""
    found, outputs, targets = waves(probe), probe.outputs("train"), probe.splits["train"].targets
    strongest = found.strongest(keys)
    removals = [strongest] if together else strongest.split(1)
    losses = [probe.task.loss(outputs - found.superposed(chosen)[targets], targets) for chosen in removals]
    return torch.stack(losses).mean()


def key_frequency(rank: int = 1) -> Metric:
    """The frequency k with the `rank`-th largest power P_k.

    Record this metric at ranks 1 to 5 to see on which frequencies the network of a seed settles.
    """
    measure = partial(measure_key_frequency, rank=at_least_one(rank, "rank"))
    return Metric(measure=measure, splits=("train", "test"), facts=("modulus",))


def measure_key_frequency(probe: Probe, *, rank: int) -> Tensor:
    """The frequency, (); the last frequency if there are fewer than `rank`."""
    found = waves(probe)
    return (found.strongest(rank)[-1] + 1).to(found.powers.dtype)


def key_frequencies(share: float = 0.95) -> Metric:
    """The least number of frequencies that hold `share` of the sum of all P_k together: few once the circuit forms.

    ValueError unless 0 < `share` < 1.
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"share must lie strictly between 0 and 1, got {share}")
    measure = partial(measure_key_frequencies, share=share)
    return Metric(measure=measure, splits=("train", "test"), facts=("modulus",))


def measure_key_frequencies(probe: Probe, *, share: float) -> Tensor:
    """The number, ()."""
    powers = waves(probe).powers
    held = powers.sort(descending=True).values.cumsum(0)
    counted = 1.0 + (held < share * held[-1]).sum().to(powers.dtype)
    return counted + 0.0 * held[-1]  # nan if a power is nan


def key_share(keys: int = 5) -> Metric:
    """The share of the outputs' variance over all pairs that the `keys` strongest frequencies explain, from 0 to 1.

    It is the sum of P_k / 2 over these frequencies, divided by the mean of ||output - mean||^2. The other frequencies,
    and the variance that does not depend on the answer alone, make up the rest.
    """
    measure = partial(measure_key_share, keys=at_least_one(keys, "keys"))
    return Metric(measure=measure, splits=("train", "test"), facts=("modulus",), bounds=(0.0, 1.0))


def measure_key_share(probe: Probe, *, keys: int) -> Tensor:
    """The share, ()."""
    found = waves(probe)
    outputs = torch.cat([probe.outputs(split) for split in ("train", "test")])
    variance = (outputs - found.mean).square().sum(1).mean()
    return found.powers[found.strongest(keys)].sum() / 2.0 / variance.clamp_min(FLOOR)


@hookimpl
def grokbench_metrics():
    yield restricted_loss
    yield excluded_loss
    yield key_frequency
    yield key_frequencies
    yield key_share
