"""The input Jacobian J_x = df/dx (C x d): its norm, and the centroids that are the sums of its rows.

Walker, Humayun, Balestriero & Baraniuk, "What deep networks want to learn and how to get there": the centroid of the
region that holds x is mu_x = J_x^T 1, the gradient of the sum of all outputs.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from grokbench import Metric, Probe, hookimpl, linearize

FLOOR = 1e-8  # of a product of norms before division, as in the authors' code


def jacobian_norm(split: str = "train") -> Metric:
    """The mean over a split of ||J_x||_F, exact. Cost: one forward and C backward passes."""
    return Metric(measure=partial(measure_jacobian_norm, split=split), splits=(split,), rotates=True)


def measure_jacobian_norm(probe: Probe, *, split: str) -> Tensor:
    """The norm, (). The rows are taken one after the other, so memory does not grow with C."""
    norms = []
    for batch in probe.batches(split):
        outputs, pullback = linearize(partial(probe.task.forward, probe.params), batch.inputs)
        rows = torch.eye(outputs.shape[-1], dtype=outputs.dtype, device=outputs.device)
        squares = torch.stack([pullback(row.expand_as(outputs)).flatten(1).square().sum(-1) for row in rows])
        norms.append(squares.sum(0).sqrt())
    return torch.cat(norms).mean()


def centroid_alignment(split: str = "train") -> Metric:
    """The mean over a split of <x, mu_x> / (||x|| ||mu_x||), from -1 to 1. Cost: a forward and a backward pass."""
    measure = partial(measure_centroid, split=split, of=_cosine)
    return Metric(measure=measure, better="higher", splits=(split,), rotates=True)


def centroid_inner_product(split: str = "train") -> Metric:
    """The mean over a split of <x, mu_x>. Cost: a forward and a backward pass."""
    return Metric(measure=partial(measure_centroid, split=split, of=_inner), splits=(split,), rotates=True)


def centroid_norm(split: str = "train") -> Metric:
    """The mean over a split of ||mu_x||. Cost: a forward and a backward pass."""
    return Metric(measure=partial(measure_centroid, split=split, of=_norm), splits=(split,), rotates=True)


def measure_centroid(probe: Probe, *, split: str, of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The mean of a quantity of inputs and centroids, ()."""
    values = []
    for batch in probe.batches(split):
        outputs, pullback = linearize(partial(probe.task.forward, probe.params), batch.inputs)
        values.append(of(batch.inputs.flatten(1), pullback(torch.ones_like(outputs)).flatten(1)))
    return torch.cat(values).mean()


def _inner(x: Tensor, mu: Tensor) -> Tensor:
    return (x * mu).sum(-1)


def _norm(x: Tensor, mu: Tensor) -> Tensor:
    del x
    return mu.norm(dim=-1)


def _cosine(x: Tensor, mu: Tensor) -> Tensor:
    return _inner(x, mu) / (x.norm(dim=-1) * mu.norm(dim=-1)).clamp_min(FLOOR)


@hookimpl
def grokbench_metrics():
    yield jacobian_norm
    yield centroid_alignment
    yield centroid_inner_product
    yield centroid_norm
