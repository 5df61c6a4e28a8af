"""Gradient noise: Neelakantan et al., "Adding gradient noise improves learning for very deep networks", 2015.

arXiv:1511.06807. The noise is annealed: it decays with the number of steps.
"""

from functools import partial

from torch import Tensor

from grokbench import At, Params, Regularizer, hookimpl, random


def gradient_noise(eta: float = 0.01, gamma: float = 0.55) -> Regularizer:
    """Add normal noise to every element of the gradient, with a variance that decays with the step t = 0, 1, ...

        g <- g + z,  z ~ N(0, eta / (1 + t)^gamma I)

    gamma is the authors' value, eta the smallest of the three that they try (0.01, 0.3 and 1). eta is a variance, in
    units of the squared gradient of a mean loss, as in the paper. Adam divides by the size of the noisy gradients.
    Cost: one draw per parameter.

    ValueError if `eta` is negative.
    """
    if eta < 0.0:
        raise ValueError(f"eta must not be negative, got {eta}")
    return Regularizer(transform=partial(transform, eta=eta, gamma=gamma), neutral={"eta": 0.0})


def transform(grads: Params, state: tuple[()], at: At, *, eta: float, gamma: float) -> tuple[Params, tuple[()]]:
    """Add normal noise to every gradient."""
    sigma = (eta / (1.0 + at.step.double()) ** gamma).sqrt()
    return {name: g + sigma.to(g.dtype) * _noise(name, g, at) for name, g in grads.items()}, state


def _noise(name: str, g: Tensor, at: At) -> Tensor:
    """Standard normals shaped like a gradient."""
    return random.normal(random.fold(at.key, "gradient_noise", name), tuple(g.shape), g.dtype)


@hookimpl
def grokbench_regularizers():
    yield gradient_noise
