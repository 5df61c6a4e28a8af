"""The neural tangent kernel on real data: Jacot, Gabriel & Hongler, NeurIPS 2018, arXiv:1806.07572.

K(x, x') is the inner product of the gradients of the output at x and at x' with respect to the trained parameters. For
C outputs f_c there are two definitions, selected by `outputs`:

    "sum":    <grad sum_c f_c(x), grad sum_c f_c(x')>, the kernel of the centroids (Walker et al., Theorem 4)
    "trace":  sum_c <grad f_c(x), grad f_c(x')>, the trace of the C x C kernel, at C times the cost

Features are learned while K changes; a network whose K is constant is lazy. Rotated coordinates keep the inner products
of training inputs only, so in these coordinates the kernel is measured on the training set only.
"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.func import grad, vmap

from grokbench import Metric, Params, Probe, hookimpl

from ._counts import at_least_one

Reading = Literal["sum", "trace"]


def ntk_mean(outputs: Reading = "sum", split: str = "train", examples: int | None = None) -> Metric:
    """The mean of K over all pairs of the first `examples` of a split (None: all), pairs (x, x) included.

    It is ||mean_x grad f(x)||^2. Walker et al.'s code pairs one point x_0 with all others. Cost: a forward and a
    backward pass, C times for "trace".
    """
    measure = partial(measure_mean, outputs=outputs, split=split, examples=at_least_one(examples))
    return Metric(measure=measure, splits=(split,), rotates=split == "train")


def ntk_change(outputs: Reading = "sum", split: str = "train", examples: int = 64) -> Metric:
    """1 - <K, K_0> / (||K|| ||K_0||), from 0 to 1: the turn of the kernel K away from K_0, the kernel before training.

    Fort et al., "Deep learning versus kernel learning", NeurIPS 2020. Measured on the first n = `examples` of a split;
    1 if one of the kernels is 0. Cost: for each of the two kernels, a forward and a backward pass and products of
    n x n x parameters; memory: n x parameters numbers per replica, and the initial parameters.
    """
    measure = partial(measure_change, outputs=outputs, split=split, examples=at_least_one(examples))
    return Metric(measure=measure, splits=(split,), bounds=(0.0, 1.0), initial=True, rotates=split == "train")


def ntk_alignment(outputs: Reading = "sum", split: str = "train", examples: int = 64) -> Metric:
    """<K, Y Y^T> / (||K|| ||Y Y^T||), from 0 to 1: the alignment of the kernel with the targets.

    Cristianini et al., "On kernel-target alignment", NeurIPS 2001. Y (n, C) are one-hot targets, not centred, so that Y
    Y^T is 1 for two examples of the same class. For a scalar output, Y are the targets themselves. Measured on the
    first n = `examples` of a split; 0 if K is 0. Cost: a forward and a backward pass and a product of n x n x
    parameters; memory: n x parameters numbers per replica.
    """
    measure = partial(measure_alignment, outputs=outputs, split=split, examples=at_least_one(examples))
    return Metric(measure=measure, better="higher", splits=(split,), bounds=(0.0, 1.0), rotates=split == "train")


def measure_mean(probe: Probe, *, outputs: Reading, split: str, examples: int | None) -> Tensor:
    """The mean, ()."""
    pieces, trained = [batch.inputs for batch in probe.pieces(split, examples)], probe.task.trained(probe.params)
    squares = []
    for row in _rows(probe, pieces[0], outputs):
        total = {name: torch.zeros_like(p) for name, p in trained.items()}
        for inputs in pieces:
            gradient = grad(_output)(trained, probe, probe.params, inputs, row)
            total = {name: g + gradient[name] for name, g in total.items()}
        squares += [g.square().sum() for g in total.values()]
    return torch.stack(squares).sum() / sum(map(len, pieces)) ** 2


def measure_change(probe: Probe, *, outputs: Reading, split: str, examples: int) -> Tensor:
    """The change, ()."""
    inputs = probe.splits[split].inputs[:examples]
    K, K_0 = (_unit(kernel(probe, params, inputs, outputs)) for params in (probe.params, probe.initial))
    apart = 0.5 * (K - K_0).square().sum()  # for two unit vectors this is 1 - cos, without loss of digits near 0
    return torch.where(K.any() & K_0.any(), apart, 1.0)


def measure_alignment(probe: Probe, *, outputs: Reading, split: str, examples: int) -> Tensor:
    """The alignment, ()."""
    inputs, targets = (part[:examples] for part in probe.splits[split])
    K = kernel(probe, probe.params, inputs, outputs)
    return (_unit(K) * _unit(_same_class(targets).to(K.dtype))).sum()


def kernel(probe: Probe, params: Params, inputs: Tensor, outputs: Reading) -> Tensor:
    """K at the given parameters, (n, n), of inputs (n, ...) as drawn."""
    trained, products = probe.task.trained(params), []
    for row in _rows(probe, inputs, outputs):
        gradient = grad(lambda trained, x, row=row: _output(trained, probe, params, x[None], row))
        for g in vmap(gradient, in_dims=(None, 0))(trained, inputs).values():
            products.append(g.flatten(1) @ g.flatten(1).T)
    return torch.stack(products).sum(0)


def _output(trained: Params, probe: Probe, params: Params, inputs: Tensor, row: Tensor) -> Tensor:
    """The sum over examples of the outputs (n, C) times the weights `row`, (C,): a scalar, ()."""
    return (probe.task.outputs(params | trained, inputs) @ row).sum()


def _rows(probe: Probe, inputs: Tensor, outputs: Reading) -> Tensor:
    """The weights of the C outputs under each definition, (rows, C)."""
    one = probe.task.outputs(probe.params, inputs[:1])
    units = torch.eye(one.shape[-1], dtype=one.dtype, device=one.device)
    return units.sum(0, keepdim=True) if outputs == "sum" else units


def _same_class(targets: Tensor) -> Tensor:
    """Y Y^T, (n, n)."""
    return targets[:, None] * targets if targets.is_floating_point() else targets[:, None] == targets


def _unit(K: Tensor) -> Tensor:
    """The kernel scaled to norm 1, or 0."""
    return K / K.norm().clamp_min(torch.finfo(K.dtype).tiny)


@hookimpl
def grokbench_metrics():
    yield ntk_mean
    yield ntk_change
    yield ntk_alignment
