"""Spectral decoupling: Pezeshki et al., "Gradient starvation: a learning proclivity in neural networks", NeurIPS 2021.

arXiv:2011.09468. A penalty on the outputs in place of one on the weights: features are then learnt independently of
each other, and no logit grows without bound.
"""

from functools import partial

from torch import Tensor

from grokbench import At, Local, Regularizer, hookimpl


def spectral_decoupling(strength: float = 0.01) -> Regularizer:
    """Add half of `strength` times the mean square norm of the outputs z_i.

        L + (strength / 2) mean_i ||z_i||^2

    The authors choose the strength for each data set, and use the penalty in place of weight decay. Here the task's
    weight decay is kept; `optimizer: {weight_decay: 0}` in a suite removes it.
    """
    return Regularizer(penalty=partial(penalty, strength=strength), neutral={"strength": 0.0}, rotates=True)


def penalty(local: Local, state: tuple[()], at: At, *, strength: float) -> Tensor:
    """The penalty of one batch, ()."""
    del state, at
    return 0.5 * strength * local.outputs.square().sum(-1).mean()


@hookimpl
def grokbench_regularizers():
    yield spectral_decoupling
