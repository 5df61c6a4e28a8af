"""Linear warm-up of the learning rate, as in the codes of Power et al. and Nanda et al.

"Grokking: generalization beyond overfitting on small algorithmic datasets", 2022, arXiv:2201.02177, and "Progress
measures for grokking via mechanistic interpretability", ICLR 2023, arXiv:2301.05217.
"""

from functools import partial

from torch import Tensor

from grokbench import At, Regularizer, hookimpl


def warm_up(steps: int = 10) -> Regularizer:
    """Raise the learning rate linearly from 0 over the first `steps` steps.

        lr_t = lr min(t / steps, 1)        t = 0, 1, ...: completed steps

    As in Nanda et al.'s code, the first step has the rate 0, but its gradient enters the moments of Adam.

    ValueError if `steps` is negative.
    """
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    return Regularizer(rate=partial(rate, steps=steps), neutral={"steps": 0}, rotates=True)


def rate(at: At, *, steps: int) -> Tensor:
    """The factor of the learning rate, ()."""
    return 1.0 - ((steps - at.step.double()) / max(steps, 1)).clamp_min(0.0)


@hookimpl
def grokbench_regularizers():
    yield warm_up
