"""Training on a sphere of constant weight norm: Liu, Michaud & Tegmark, "Omnigrok", ICLR 2023, arXiv:2210.01117.

The paper's account of grokking is that networks generalise at a certain weight norm, to which weight decay slowly
leads; held at its initial norm, a network shows what that norm is good for.
"""

from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from grokbench import At, Params, Regularizer, hookimpl

TINY = 1e-30  # of a norm before division


class Radius(NamedTuple):
    """The initial norm, (): of every tensor, or of all parameters as one vector."""

    r: dict[str, Tensor]


def norm_sphere(scope: Literal["global", "tensor"] = "global", cap: bool = False) -> Regularizer:
    """Rescale the parameters to their initial norm after each step.

        theta <- theta ||theta_0|| / ||theta||        with `cap`: theta <- theta min(1, ||theta_0|| / ||theta||)

    `global` takes all trained parameters as one vector (the authors' code), `tensor` each by itself; there, one that
    starts at zero stays zero. `cap` only shrinks: a ball in place of the sphere. The authors train without weight
    decay; the task's own is kept here, and on the sphere it has no radial effect: set the task's to 0 to be rid of it.
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
    """The Euclidean norm, (), of every part that is rescaled by itself."""
    norms = {name: torch.linalg.vector_norm(p) for name, p in params.items()}
    return norms if scope == "tensor" else {"all": torch.linalg.vector_norm(torch.stack(list(norms.values())))}


@hookimpl
def grokbench_regularizers():
    yield norm_sphere
