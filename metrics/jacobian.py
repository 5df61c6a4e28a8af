"""The input Jacobian J_x = df/dx (C x d): its norm, its rank, and how its rows and their sum align with the input.

Walker, Humayun, Balestriero & Baraniuk, "What deep networks want to learn and how to get there": the centroid of the
region that holds x is mu_x = J_x^T 1, the gradient of the sum of all outputs. A network generalises when its inputs
align with their centroids, and is most robust when they align with every row of J_x, which then has rank one.

x is what the task embeds (`Task.embed`): pixels, or embedding vectors. Every metric is an exact mean over the first
`examples` of a split (None: the whole split; ValueError below 1). A network without gradients gives 0.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from grokbench import Metric, Probe, hookimpl, linearize

from ._counts import at_least_one

FLOOR = 1e-8  # least product of norms before a division, as in the authors' code
SQUARINGS = 40

Weights = Callable[[Tensor, Tensor], Tensor]  # outputs (n, C), targets (n,) -> weights of the rows of J_x, (n, C)


def jacobian_norm(split: str = "train", examples: int | None = None) -> Metric:
    """The mean over a split of ||J_x||_F. Cost: one forward and C backward passes."""
    measure = partial(measure_rows, split=split, examples=at_least_one(examples), of=_frobenius)
    return Metric(measure=measure, splits=(split,), rotates=True)


def full_jacobian_alignment(split: str = "train", examples: int | None = None) -> Metric:
    """The mean over a split of ||J_x x|| / (||J_x||_F ||x||), from 0 to 1. Cost: one forward and C backward passes.

    It is 1 exactly if every row of J_x is a multiple of x. It expresses the alignment of Walker et al., Definition 5,
    as one number, which the paper does not define.
    """
    measure = partial(measure_rows, split=split, examples=at_least_one(examples), of=_full_alignment)
    return Metric(measure=measure, better="higher", splits=(split,), bounds=(0.0, 1.0), rotates=True)


def jacobian_pc1(split: str = "train", examples: int | None = 64) -> Metric:
    """The mean over `examples` of sigma_1^2 / sum_i sigma_i^2, with the singular values of J_x: 1 if its rank is one.

    "PC1" of Walker et al., Figure 3 and A.2, which do not state the number of points. The authors' released code
    measures it on 64 points, in its script on CIFAR-10. With one output it is always 1. Cost: one forward and C
    backward passes, and products of C x C matrices; memory: examples x C x d numbers.
    """
    measure = partial(measure_rows, split=split, examples=at_least_one(examples), of=_explained)
    return Metric(measure=measure, splits=(split,), bounds=(0.0, 1.0), rotates=True)


def measure_rows(
    probe: Probe, *, split: str, examples: int | None, of: Callable[[Tensor, Iterator[Tensor]], Tensor]
) -> Tensor:
    """The mean of a quantity of inputs (n, d) and the C rows of their Jacobians, each (n, d), ().

    The rows are computed one after the other, so that a quantity that keeps no rows needs no memory proportional to C.
    """
    values = []
    for batch in probe.batches(split, examples):
        outputs, pullback, _ = linearize(partial(probe.task.forward, probe.params), batch.inputs)
        units = torch.eye(outputs.shape[-1], dtype=outputs.dtype, device=outputs.device)
        values.append(of(batch.inputs.flatten(1), (pullback(unit.expand_as(outputs)).flatten(1) for unit in units)))
    return torch.cat(values).mean()


def _frobenius(x: Tensor, rows: Iterator[Tensor]) -> Tensor:
    del x
    return torch.stack([row.square().sum(-1) for row in rows]).sum(0).sqrt()


def _full_alignment(x: Tensor, rows: Iterator[Tensor]) -> Tensor:
    squares = torch.stack([torch.stack([_inner(x, row).square(), row.square().sum(-1)]) for row in rows])
    applied, norm = squares.sum(0).sqrt()
    return applied / (norm * x.norm(dim=-1)).clamp_min(FLOOR)


def _explained(x: Tensor, rows: Iterator[Tensor]) -> Tensor:
    """lambda_1 / tr G of the Gram matrix G = J J^T, (n,).

    P = G^(2^k) / tr, by k squarings, tends to the projection on the largest eigenvalues, and tr(G P) to lambda_1 from
    below, with a relative error below C 2^-k / e for any gaps between eigenvalues. `torch.linalg.eigvalsh` is not used,
    because it reads its status back from the device, which is impossible under `vmap` and in a CUDA graph.
    """
    del x
    J = torch.stack(list(rows), 1)
    J = J / J.abs().amax((1, 2), keepdim=True).clamp_min(torch.finfo(J.dtype).tiny)  # else its squares leave float32
    G = _normalised(J @ J.mT)
    P = G
    for _ in range(SQUARINGS):
        P = _normalised(P @ P)
    return (G * P).sum((-1, -2))


def _normalised(G: Tensor) -> Tensor:
    """The matrix scaled to trace 1, or 0."""
    trace = G.diagonal(dim1=-2, dim2=-1).sum(-1)
    return G / trace.clamp_min(torch.finfo(G.dtype).tiny)[..., None, None]


def centroid_alignment(split: str = "train", examples: int | None = None, *, signed: bool = False) -> Metric:
    """The mean over a split of <x, mu_x> / (||x|| ||mu_x||), from -1 to 1. Cost: a forward and a backward pass.

    A task with one output, such as xor, needs `signed`: mu_x then is the gradient of that output, which leads away from
    x if the target is negative, and the cosines of the two classes cancel in the mean. `signed` multiplies mu_x by the
    sign of the target; this is `jacobian_alignment`. With several outputs it changes nothing.
    """
    weights = _signed if signed else _all
    measure = partial(measure_sum, split=split, examples=at_least_one(examples), weights=weights, of=_cosine)
    return Metric(measure=measure, better="higher", splits=(split,), rotates=True)


def centroid_inner_product(split: str = "train", examples: int | None = None, *, signed: bool = False) -> Metric:
    """The mean over a split of <x, mu_x>. Cost: a forward and a backward pass.

    A task with one output needs `signed`, see `centroid_alignment`.
    """
    weights = _signed if signed else _all
    measure = partial(measure_sum, split=split, examples=at_least_one(examples), weights=weights, of=_inner)
    return Metric(measure=measure, splits=(split,), rotates=True)


def centroid_norm(split: str = "train", examples: int | None = None) -> Metric:
    """The mean over a split of ||mu_x||. Cost: a forward and a backward pass."""
    measure = partial(measure_sum, split=split, examples=at_least_one(examples), weights=_all, of=_norm)
    return Metric(measure=measure, splits=(split,), rotates=True)


def jacobian_alignment(split: str = "train", examples: int | None = None) -> Metric:
    """The mean over a split of the cosine of x and the row of J_x of its class, from -1 to 1.

    "Jacobian alignment" of Walker et al., Figure 5. With one output, the row is multiplied by the sign of the target.
    Cost: a forward and a backward pass.
    """
    measure = partial(measure_sum, split=split, examples=at_least_one(examples), weights=_class_row, of=_cosine)
    return Metric(measure=measure, better="higher", splits=(split,), rotates=True)


def jacobian_inner_product(split: str = "train", examples: int | None = None) -> Metric:
    """The mean over a split of the inner product of x and the row of J_x of its class, as in `jacobian_alignment`."""
    measure = partial(measure_sum, split=split, examples=at_least_one(examples), weights=_class_row, of=_inner)
    return Metric(measure=measure, splits=(split,), rotates=True)


def measure_sum(
    probe: Probe, *, split: str, examples: int | None, weights: Weights, of: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """The mean of a quantity of inputs and the weighted sums of the rows of their Jacobians, both (n, d), ()."""
    values = []
    for batch in probe.batches(split, examples):
        outputs, pullback, _ = linearize(partial(probe.task.forward, probe.params), batch.inputs)
        mu = pullback(weights(outputs, batch.targets))
        values.append(of(batch.inputs.flatten(1), mu.flatten(1)))
    return torch.cat(values).mean()


def _all(outputs: Tensor, targets: Tensor) -> Tensor:
    del targets
    return torch.ones_like(outputs)


def _signed(outputs: Tensor, targets: Tensor) -> Tensor:
    return _class_row(outputs, targets) if outputs.shape[-1] == 1 else _all(outputs, targets)


def _class_row(outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape[-1] == 1:
        return targets[:, None].sign().to(outputs.dtype)
    return F.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


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
    yield full_jacobian_alignment
    yield jacobian_pc1
    yield centroid_alignment
    yield centroid_inner_product
    yield centroid_norm
    yield jacobian_alignment
    yield jacobian_inner_product
