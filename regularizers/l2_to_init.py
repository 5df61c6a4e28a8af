"""L2 to the initialisation: Kumar, Marklund & Van Roy, "Maintaining plasticity via regenerative regularization", 2023.

arXiv:2308.11958. Weight decay pulls the parameters towards zero; this penalty pulls them towards their initial values.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from grokbench import At, Local, Params, Regularizer, hookimpl


class Start(NamedTuple):
    """w_0, the parameters before the first step."""

    w: Params


def l2_to_init(strength: float = 1e-3) -> Regularizer:
    """Add `strength` times the squared distance of all trained parameters from their initial values.

        L + strength ||w - w_0||^2

    As in the paper, the penalty is a part of the loss, so that Adam rescales its gradient; it is not decoupled. The
    authors choose the strength for each problem, and use the penalty in place of weight decay; 1e-3 is chosen here. The
    task's weight decay is kept; `optimizer: {weight_decay: 0}` in a suite removes it. Memory: the parameters once more.
    """
    return Regularizer(init=init, penalty=partial(penalty, strength=strength), neutral={"strength": 0.0}, rotates=True)


def init(params: Params) -> Start:
    """The initial parameters."""
    return Start(dict(params))


def penalty(local: Local, state: Start, at: At, *, strength: float) -> Tensor:
    """The penalty, ()."""
    del local
    return strength * torch.stack([(p - state.w[name]).square().sum() for name, p in at.params.items()]).sum()


@hookimpl
def grokbench_regularizers():
    yield l2_to_init
