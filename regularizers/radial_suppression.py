"""Radial suppression: Tiwari, Chauhan & Singh, "Radial suppression accelerates algorithmic generalization", 2026.

arXiv:2606.32000. According to the paper, networks memorise by inflating the norm of their hidden representations. A
penalty keeps this norm near sqrt(d), so that training can only change the directions of the representations.
"""

from functools import partial

import torch
from torch import Tensor

from grokbench import At, Local, Regularizer, Task, hookimpl


def radial_suppression(strength: float = 0.05) -> Regularizer:
    """Add `strength` times the mean squared distance of hidden norms from sqrt(d), where d is the width of the layer.

        L + strength mean_h mean_i (1/d) (||h_i||_2 - sqrt(d))^2

    h runs over the task's hidden sites, which are activations after the nonlinearity, and i over the batch. 0.05 is the
    authors' value for multilayer perceptrons; for a small GPT they use 0.01. They state the penalty for one layer. With
    several layers, the mean over the layers is taken here, so that the strength does not depend on the depth.
    `grokbench show TASK` lists the sites.
    """
    return Regularizer(
        penalty=partial(penalty, strength=strength),
        neutral={"strength": 0.0},
        refuses=refuses,
        rotates=True,
    )


def refuses(task: Task) -> str | None:
    """A task without hidden sites is refused, because the penalty would be 0."""
    return None if task.has_sites else "it names no hidden sites"


def penalty(local: Local, state: tuple[()], at: At, *, strength: float) -> Tensor:
    """The penalty of one batch, ()."""
    del state, at
    return strength * torch.stack([deviation(h.flatten(1)) for h in local.hidden.values()]).mean()


def deviation(h: Tensor) -> Tensor:
    """The mean over examples of (||h|| - sqrt(d))^2 / d, (); h is (n, d)."""
    d = h.shape[1]
    return (torch.linalg.vector_norm(h, dim=1) - d**0.5).square().mean() / d


@hookimpl
def grokbench_regularizers():
    yield radial_suppression
