"""Accuracy on inputs that an adversary (Madry et al., ICLR 2018, arXiv:1706.06083) or noise has changed.

Projected gradient descent in the L-infinity ball around x, each step clipped to the ball and to the valid range:

    x <- clip(x + alpha sign(grad_x loss(f(x), y))),  |x - x_0| <= radius,  low <= x <= high

x is an embedded input (`Task.embed`), and the valid range is `Task.input_bounds`. The accuracy is measured after the
last step, as in Madry et al. AutoAttack's PGD (Croce & Hein 2020), which Walker et al.'s code uses, keeps the strongest
step.

Lengths (radius, step size, standard deviation of noise) are in the units of `space`, "pixel" or "normalised", see
`_units.py`. The limits of ball and range hold up to the rounding of x - radius and x + radius.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.func import grad

from grokbench import Batch, Metric, Probe, Task, hookimpl, random

from . import _classes
from ._counts import at_least_one
from ._units import Space, unit

Ascent = Literal["cross_entropy", "margin", "task"]


def pgd_accuracy(
    steps: int = 10,
    step_size: float = 2 / 255,
    radius: float = 4 / 255,
    random_start: bool = True,
    space: Space = "pixel",
    loss: Ascent = "cross_entropy",
    examples: int | None = 1000,
    split: str = "test",
) -> Metric:
    """The share of the first `examples` of a split that are still classified correctly after an attack, from 0 to 1.

    The defaults are those of Walker et al. on CIFAR10; `examples: null` uses the whole split. `loss` is the function
    that the attack ascends:

    - "cross_entropy" takes the outputs as logits; a scalar output f stands for the logits (0, f) of two classes. It is
      used even if the task is trained on squared errors, which also grow when an output exceeds its target, although
      the class is then right. The attack ascends log sum_{j != y} exp(z_j) - z_y, of which the cross-entropy is the
      softplus: both gradients have the same signs. In float32, the gradient of the cross-entropy would be rounded to 0
      if the correct logit leads by 17 or more, and the network would seem robust.
    - "margin" is the largest other logit minus the logit of the class.
    - "task" is the task's own loss.

    The attack starts at a point drawn uniformly from the ball, anew at each evaluation, or at x without `random_start`.
    Cost: `steps` forward and backward passes, and one forward pass.

    Raises:
        ValueError: `steps`, `step_size` or `radius` is negative, or `examples` is below 1.
    """
    for name, value in (("steps", steps), ("step_size", step_size), ("radius", radius)):
        if value < 0:
            raise ValueError(f"{name} must not be negative, got {value}")
    disturb = partial(
        attack, steps=steps, step_size=step_size, radius=radius, random_start=random_start, space=space, loss=loss
    )
    return _accuracy(disturb, split, examples)


def noise_accuracy(sd: float = 0.1, space: Space = "pixel", examples: int | None = 1000, split: str = "test") -> Metric:
    """The share of the first `examples` of a split that is classified correctly under normal noise, from 0 to 1.

    Inputs are x + sd N(0, I), clipped to the valid range if there is one, with a new draw for each example at each
    evaluation. Cost: one forward pass, and the draws, which cost more on a CPU.

    Raises:
        ValueError: `sd` is negative, or `examples` is below 1.
    """
    if sd < 0:
        raise ValueError(f"sd must not be negative, got {sd}")
    return _accuracy(partial(add_noise, sd=sd, space=space), split, examples)


def _accuracy(disturb: Callable[[Probe, Batch, Tensor], Tensor], split: str, examples: int | None) -> Metric:
    measure = partial(measure_disturbed, disturb=disturb, split=split, examples=at_least_one(examples))
    return Metric(measure=measure, better="higher", splits=(split,), bounds=(0.0, 1.0))


def measure_disturbed(
    probe: Probe, *, disturb: Callable[[Probe, Batch, Tensor], Tensor], split: str, examples: int | None
) -> Tensor:
    """The accuracy on disturbed inputs, ()."""
    correct = []
    for piece, batch in enumerate(probe.batches(split, examples)):
        x = disturb(probe, batch, random.fold(probe.key, "disturb", piece))
        correct.append(probe.task.correct(probe.task.forward(probe.params, x), batch.targets))
    return torch.cat(correct).double().mean()


def attack(
    probe: Probe,
    batch: Batch,
    key: Tensor,
    *,
    steps: int,
    step_size: float,
    radius: float,
    random_start: bool,
    space: Space,
    loss: Ascent,
) -> Tensor:
    """Adversarial inputs, shaped like the batch's, in the ball around them and in the valid range."""
    x, length = batch.inputs, unit(probe.task, batch.inputs, space)
    low, high = _valid(probe.task, x - radius * length), _valid(probe.task, x + radius * length)
    ascent = grad(partial(_ascended, probe, batch.targets, loss))
    if random_start:
        start = 2.0 * random.uniform(key, tuple(x.shape), x.dtype) - 1.0
        x = (x + radius * length * start).clamp(low, high)
    for _ in range(steps):
        x = (x + step_size * length * ascent(x).sign()).clamp(low, high)
    return x


def _ascended(probe: Probe, targets: Tensor, loss: Ascent, x: Tensor) -> Tensor:
    """The ascended function, a sum or mean over examples, so that each example gets the sign of its own gradient."""
    outputs = probe.task.forward(probe.params, x)
    if loss == "task":
        return probe.task.loss(outputs, targets)
    z, y = _classes.logits(outputs), _classes.labels(targets)[:, None]
    others = z.scatter(-1, y, -torch.inf)
    best = others.logsumexp(-1, True) if loss == "cross_entropy" else others.amax(-1, True)
    return (best - z.gather(-1, y)).sum()


def add_noise(probe: Probe, batch: Batch, key: Tensor, *, sd: float, space: Space) -> Tensor:
    """Noisy inputs, shaped like the batch's, in the valid range."""
    x = batch.inputs
    noise = random.normal(key, tuple(x.shape), x.dtype)
    return _valid(probe.task, x + sd * unit(probe.task, x, space) * noise)


def _valid(task: Task, x: Tensor) -> Tensor:
    return x.clamp(*task.input_bounds) if task.input_bounds else x


@hookimpl
def grokbench_metrics():
    yield pgd_accuracy
    yield noise_accuracy
