"""Local complexity of a ReLU network near the data: Humayun et al., ICML 2024, arXiv:2402.15555.

"Deep networks always grok and here is why". A ReLU network is affine where no pre-activation z changes its sign. A
radius r and a frame of n orthonormal directions v_i give 2n vertices x +- r v_i around an input x. The local complexity
is the number of units, over all layers, that are on (z > 0) at one vertex and off at another. The hyperplanes of these
units cut the hull of the vertices. The authors count a z of exactly 0 as a third sign.
"""

from functools import partial

import torch
from torch import Tensor

from grokbench import Metric, Probe, hookimpl, random

from ._counts import at_least_one
from ._units import Space, unit


def local_complexity(
    directions: int = 20,
    radius: float = 0.005,
    space: Space = "normalised",
    examples: int | None = 1024,
    split: str = "train",
) -> Metric:
    """The mean number of units that switch near an example, over the first `examples` of a split; from 0 to all units.

    `directions` is n, at most the dimensions of the input. `radius` is r, in the units of `space`, see `_units.py`. The
    defaults are those of the authors' CIFAR10 (40 vertices, normalised images); on MNIST they take 25 directions and
    radii from 0.05 to 5. All examples, evaluations and seeds share one frame, so that a curve shows changes of the
    network alone. The task must have the fact `preactivations`: (params, x) -> one tensor (n, units) for each ReLU
    layer. Cost: 2n forward passes.

    Raises:
        ValueError: `directions` or `examples` is below 1, or `radius` is not positive.
    """
    if directions < 1:
        raise ValueError(f"directions must be at least 1, got {directions}")
    if radius <= 0:
        raise ValueError(f"radius must be positive, got {radius}")
    measured = partial(measure_complexity, directions=directions, radius=radius, space=space)
    measure = partial(measured, examples=at_least_one(examples), split=split)
    return Metric(measure=measure, splits=(split,), facts=("preactivations",))


def measure_complexity(
    probe: Probe, *, directions: int, radius: float, space: Space, examples: int | None, split: str
) -> Tensor:
    """The mean number of units, ()."""
    counts = []
    for batch in probe.batches(split, examples):
        x = batch.inputs
        frame = frame_of(directions, x[0]) * unit(probe.task, x, space)
        patterns = (_pattern(probe, x + sign * radius * v) for v in frame for sign in (-1.0, 1.0))
        somewhere = everywhere = next(patterns)
        for on in patterns:
            somewhere, everywhere = somewhere | on, everywhere & on
        counts.append((somewhere & ~everywhere).sum(-1))
    return torch.cat(counts).double().mean()


def _pattern(probe: Probe, x: Tensor) -> Tensor:
    """The units of all layers that are on, (n, units) bool."""
    return torch.cat([z.flatten(1) > 0 for z in probe.task.facts["preactivations"](probe.params, x)], 1)


def frame_of(directions: int, x: Tensor) -> Tensor:
    """Orthonormal directions (n, ...) for an input x (...): normal draws, orthogonalized twice by Gram and Schmidt.

    Twice is enough. A QR factorization is avoided, because a CUDA graph may not be able to hold it.
    """
    key = random.fold(torch.zeros((), dtype=torch.int64, device=x.device), "frame")
    normals = random.normal(key, (min(directions, x.numel()), x.numel()))
    frame = normals[:0]
    for v in normals:
        for _ in range(2):
            v = v - (frame @ v) @ frame
        frame = torch.cat([frame, v[None] / v.norm()])
    return frame.to(x.dtype).reshape(-1, *x.shape)


@hookimpl
def grokbench_metrics():
    yield local_complexity
