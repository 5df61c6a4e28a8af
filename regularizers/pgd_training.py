"""PGD training: Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018, arXiv:1706.06083.

The network is trained on adversarial inputs, which projected gradient ascent on its loss finds.
"""

from functools import partial

import torch
from torch import Tensor
from torch.func import grad

from grokbench import At, Batch, Regularizer, hookimpl, random


def pgd_training(
    radius: float = 8 / 255, step_size: float = 2 / 255, steps: int = 7, random_start: bool = True
) -> Regularizer:
    """Train on adversarial inputs from an L-infinity ball around each input.

        x_0 = x + u,  u ~ U(-radius, radius)        x_{k+1} = clip(x_k + step_size sign grad_{x_k} loss(f(x_k), y))

    `clip` clips to the ball around x, and then to the valid inputs of the task. Without `random_start`, x_0 = x.
    Lengths are in units of the embedded inputs, which are normalised pixels on MNIST. The defaults are the paper's for
    CIFAR10, with pixels in [0, 1]; for MNIST, the paper has radius 0.3 and 40 steps of 0.01. The attack ascends the
    task's own loss, without penalties, even if another method trains on another loss. In place of a cross-entropy it
    ascends log sum_{j != y} exp(z_j) - z_y, of which the cross-entropy is the softplus: float32 rounds the gradient of
    the cross-entropy to zero for confident examples. If trained parameters embed the inputs, these parameters get the
    gradient at x + delta with the attack delta held fixed. Cost: `steps` more forward and backward passes.

    ValueError if `radius` or `step_size` is negative, or `steps` is below 1.
    """
    if radius < 0.0 or step_size < 0.0:
        raise ValueError(f"radius and step_size must not be negative, got {radius} and {step_size}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    return Regularizer(
        perturb=partial(perturb, radius=radius, step_size=step_size, steps=steps, random_start=random_start),
        privileges=frozenset({"extra_gradients"}),
        neutral={"radius": 0.0},
    )


def perturb(
    batch: Batch, state: tuple[()], at: At, *, radius: float, step_size: float, steps: int, random_start: bool
) -> Batch:
    """The batch with adversarial inputs."""
    del state
    x = batch.inputs.detach()
    ascent = grad(lambda inputs: _ascended(at, inputs, batch.targets))
    moved = x
    if random_start:
        u = 2.0 * random.uniform(random.fold(at.key, "attack"), tuple(x.shape), x.dtype) - 1.0
        moved = clip(x + radius * u, x, radius, at.input_bounds)
    for _ in range(steps):
        moved = clip(moved + step_size * ascent(moved).sign(), x, radius, at.input_bounds)
    return Batch(moved + (batch.inputs - x), batch.targets)  # the difference is 0, but has a gradient


def _ascended(at: At, inputs: Tensor, targets: Tensor) -> Tensor:
    """The ascended function, a sum or mean over examples, so that each example gets the sign of its own gradient."""
    z = at.forward(inputs)
    if "cross_entropy" not in at.facts:
        return at.loss(z, targets)
    y = targets[:, None]
    return (z.scatter(-1, y, -torch.inf).logsumexp(-1, True) - z.gather(-1, y)).sum()


def clip(moved: Tensor, x: Tensor, radius: float, bounds: tuple[float, float] | None) -> Tensor:
    """The point of the ball around x that is nearest to `moved`, clipped to the valid inputs."""
    inside = moved.clamp(x - radius, x + radius)
    return inside.clamp(*bounds) if bounds else inside


@hookimpl
def grokbench_regularizers():
    yield pgd_training
