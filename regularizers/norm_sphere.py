"""Training on a sphere of constant weight norm: Liu, Michaud & Tegmark, "Omnigrok", ICLR 2023, arXiv:2210.01117.

According to the paper, networks generalise at a certain weight norm, which weight decay slowly approaches. A network
that is held at its initial norm shows whether it generalises at this norm.
"""

from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from grokbench import At, Params, Regularizer, hookimpl

TINY = 1e-30  # least norm before a division


class Radius(NamedTuple):
    """The initial norm, (), of every tensor or of all parameters as one vector."""

    r: dict[str, Tensor]


def norm_sphere(scope: Literal["global", "tensor"] = "global", cap: bool = False) -> Regularizer:
    """Rescale the parameters to their initial norm after each step.

        theta <- theta ||theta_0|| / ||theta||        with `cap`: theta <- theta min(1, ||theta_0|| / ||theta||)

    `global` takes all trained parameters as one vector (the authors' code). `tensor` takes each tensor separately; a
    tensor that starts at zero then stays zero. `cap` only shrinks, so parameters stay in a ball instead of on the
    sphere. The authors train without weight decay. Here the task's weight decay is kept, which has no radial effect on
    the sphere; set it to 0 in the task to remove it.
    """
    return Regularizer(init=partial(init, scope=scope), project=partial(project, scope=scope, cap=cap), rotates=True)


def init(params: Params, *, scope: str) -> Radius:
    """The norms before the first step."""
    return Radius(_norms(params, scope))


def project(params: Params, state: Radius, at: At, *, scope: str, cap: bool) -> tuple[Params, Radius]:
    """Rescale the parameters."""
    del at
    now = _norms(params, scope)
    factor = {part: r / now[part].clamp_min(TINY) for part, r in state.r.items()}
    if cap:
        factor = {part: f.clamp_max(1.0) for part, f in factor.items()}
    return {name: p * factor[name if scope == "tensor" else "all"] for name, p in params.items()}, state


def _norms(params: Params, scope: str) -> dict[str, Tensor]:
    """The Euclidean norm, (), of every separately rescaled part."""
    norms = {name: torch.linalg.vector_norm(p) for name, p in params.items()}
    return norms if scope == "tensor" else {"all": torch.linalg.vector_norm(torch.stack(list(norms.values())))}


@hookimpl
def grokbench_regularizers():
    yield norm_sphere
