"""OrthoGrad: Prieto et al., "Grokking at the edge of numerical stability", ICLR 2025, arXiv:2501.04697.

Once the training set is fitted, the gradient points along the weights and only scales the logits up; OrthoGrad removes
this component of the gradient.
"""

from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from grokbench import At, Optimizer, Params, Regularizer, hookimpl

TINY = 1e-30  # guards both divisions, as in the authors' code


def orthograd(
    rescale: bool = True, scope: Literal["tensor", "global"] = "tensor", project_decay: bool = False
) -> Regularizer:
    """Project every gradient orthogonally to its weights, keeping its length.

        g' = g - (w.g / w.w) w        g <- g' ||g|| / ||g'||

    `rescale=False` leaves out the second formula, as in the paper's text; the authors' code has it. `scope` decides
    what w and g are: one tensor (the code) or all parameters as one vector (the text). With `project_decay`, weight
    decay is projected too. The decay is parallel to w, so the projection removes it. With an L2 term (SGD), the
    gradient is then rescaled to the length of g + weight_decay w. Without `project_decay`, weight decay acts as in the
    task, as in Walker et al.; Prieto et al. use no weight decay.

    Tensors with a single element are left unchanged: nothing is orthogonal to them, and the code's rescaling would blow
    up rounding noise to full length.
    """
    return Regularizer(
        transform=partial(transform, rescale=rescale, scope=scope, project_decay=project_decay),
        optimizer=without_decay if project_decay else None,
        rotates=True,
        revision=2,
    )


def transform(
    grads: Params, state: tuple[()], at: At, *, rescale: bool, scope: str, project_decay: bool
) -> tuple[Params, tuple[()]]:
    """Project the gradients."""
    decay = at.weight_decay if project_decay and not at.decoupled else 0.0
    grads = {name: g + decay * at.params[name] for name, g in grads.items()} if decay else grads
    if scope == "global":
        return _project(grads, at.params, rescale), state
    projected: Params = {}
    for name, g in grads.items():
        projected |= _project({name: g}, {name: at.params[name]}, rescale) if g.numel() > 1 else {name: g}
    return projected, state


def _project(grads: Params, params: Params, rescale: bool) -> Params:
    """The gradients without their component along the parameters, taken as one vector."""
    along = _dot(params, grads) / (_norm(params).square() + TINY)
    across = {name: torch.addcmul(g, along, params[name], value=-1.0) for name, g in grads.items()}
    if not rescale:
        return across
    factor = _norm(grads) / (_norm(across) + TINY)
    return {name: g * factor for name, g in across.items()}


def _dot(left: Params, right: Params) -> Tensor:
    """The inner product, (), as a product and a sum, because `torch.dot` is slow in batches."""
    return torch.stack([(left[name] * right[name]).sum() for name in left]).sum()


def _norm(params: Params) -> Tensor:
    """The Euclidean norm, (), without a temporary as large as the parameters."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(p) for p in params.values()]))


def without_decay(optimizer: Optimizer) -> Optimizer:
    """The task's optimizer with weight decay 0."""
    return replace(optimizer, weight_decay=0.0)


@hookimpl
def grokbench_regularizers():
    yield orthograd
