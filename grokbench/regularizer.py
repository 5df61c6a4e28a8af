"""A regularizer, the phases that it adds to a task's training, and the record `At` that the phases read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from grokbench.task import Task
from grokbench.types import Batch, Correct, Local, Loss, Optimizer, Params, Role, State

__all__ = ["At", "Privilege", "Regularizer"]

Privilege = Literal[
    "extra_labels",
    "test_accuracy",
    "second_model",
    "extra_gradients",
    "prior_knowledge",
    "averaged_weights",
    "loss",
    "architecture",
]


def _not_yet(trained: Params) -> Params:
    """Refuse a second gradient where the step's objective, which it is of, is still being computed."""
    raise ValueError("grad_at can be called in transform and project, not in perturb and penalty")


@dataclass(frozen=True, kw_only=True)
class At:
    """All that a phase may read in one step of one replica. Schedules are computed from `step` and `epoch`, tensors.

    Attributes:
        params: the parameters that are trained, without frozen ones. In perturb, penalty and transform those before the
            update; in project those after it.
        batch: the step's batch as it was drawn, neither embedded nor perturbed.
        key: (), int64, of this seed, epoch, step and method. Fold it once for each purpose, see `grokbench.random`.
        step: (), int64, updates completed before this one.
        epoch: (), int64, epochs completed.
        lr: the learning rate of the task's own optimizer, also where an `optimizer` phase has changed it.
        weight_decay: that of the task's own optimizer, likewise.
        decoupled: True if the task's weight decay acts beside the gradient (AdamW), False if it is added to the
            gradient (SGD with L2).
        roles: parameter name -> role, of `params`.
        input_bounds: the least and the largest valid value of an embedded input. None: there are no bounds.
        facts: the task's facts, such as "cross_entropy".
        forward: embedded inputs (n, ...) -> outputs (n, C), with the parameters held fixed.
        loss: the task's own loss, (outputs (n, C), targets (n,)) -> ().
        correct: the task's own, (outputs (n, C), targets (n,)) -> (n,) bool.
        outputs: (n, C), of the step's batch before the update. None in perturb and penalty.
        grad_at: trained parameters -> the gradient, at those, of this step's loss and penalties, with the same batch
            and the same draws. For methods with the privilege "extra_gradients", in transform and project. Anywhere
            else it raises ValueError.
    """

    params: Params
    batch: Batch
    key: Tensor
    step: Tensor
    epoch: Tensor
    lr: float
    weight_decay: float
    decoupled: bool
    roles: Mapping[str, Role]
    input_bounds: tuple[float, float] | None
    facts: Mapping[str, Any]
    forward: Callable[[Tensor], Tensor]
    loss: Loss
    correct: Correct
    outputs: Tensor | None = None
    grad_at: Callable[[Params], Params] = _not_yet


@dataclass(frozen=True, kw_only=True)
class Regularizer:
    """The functions, called phases, that a method adds to a task's training. A phase that is None costs nothing.

    Every phase handles ONE replica: its tensors have no axis for seeds. All but `prepare` and `optimizer` are mapped
    over replicas by `torch.func.vmap`, so they must be pure, draw from `At.key` alone, and neither branch on a tensor
    nor call `.item()`. Parameters and gradients are dicts without the task's frozen parameters; a phase returns them
    with the same names in the same order, and the same shapes, dtypes and device. The phases of a step run in the order
    perturb, loss and penalty, transform, optimizer, project; each of them for all combined methods, in the order of the
    suite. `grokbench check` tests all of this. An error that a phase raises fails the replica, with its traceback.

    Attributes:
        prepare: (params, task, key ()) -> params. Called once per replica, before training; its seconds are charged to
            the method.
        init: params -> state, a NamedTuple of tensors and of dicts of tensors. Called once per replica, after prepare.
            Shapes, dtypes and names of the state may not change later. None: the state is ().
        perturb: (batch, state, at) -> `Batch` of the same shapes. Called in every step, before the forward pass; the
            inputs are embedded (`Task.embed`). The network and the loss get what it returns.
        objective: loss -> loss, each (outputs (n, C), targets (n,)) -> (). Called once, when the step is built. Wraps
            or replaces the loss that is trained on; the metric `loss` stays the task's.
        penalty: (local, state, at) -> (), added to the loss and differentiated with it. Called in every step; `local`
            is the network linearized at the perturbed batch.
        transform: (grads, state, at) -> (grads, state). Called in every step, before the optimizer; `grads` are of loss
            and penalties.
        optimizer: `Optimizer` -> `Optimizer`. Called once, when the step is built. Wraps or replaces the task's own.
            The engine applies the result to stacked replicas, so it must be elementwise.
        project: (params, state, at) -> (params, state). Called in every step, after the optimizer, with the updated
            parameters.
        privileges: means of the method that the baseline does not have; the leaderboard prints them. Any of
            "extra_labels", "test_accuracy", "second_model", "extra_gradients", "prior_knowledge", "averaged_weights",
            "loss" and "architecture". Empty by default.
        neutral: parameters of the factory at which the method equals the baseline, such as {"strength": 0.0};
            `grokbench check` tests it. None: there are none.
        facts: names that the task's `facts` must contain; a suite that plans the method on another task is refused.
            Empty by default.
        rotates: True if the method commutes with rotations of the inputs under SGD; a task such as xor is then trained
            in fewer, rotated coordinates. False by default.
        revision: raise it when the numbers change: stored runs of another revision are not reused. 1 by default.
    """

    prepare: Callable[[Params, Task, Tensor], Params] | None = None
    init: Callable[[Params], State] | None = None
    perturb: Callable[[Batch, State, At], Batch] | None = None
    objective: Callable[[Loss], Loss] | None = None
    penalty: Callable[[Local, State, At], Tensor] | None = None
    transform: Callable[[Params, State, At], tuple[Params, State]] | None = None
    optimizer: Callable[[Optimizer], Optimizer] | None = None
    project: Callable[[Params, State, At], tuple[Params, State]] | None = None
    privileges: frozenset[Privilege] = frozenset()
    neutral: Mapping[str, Any] | None = None
    facts: tuple[str, ...] = ()
    rotates: bool = False
    revision: int = 1
