"""The records that the phases of a regularizer read: `At` in every step, `About` before the first one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from grokbench.task import Task
from grokbench.types import Batch, Correct, Loss, Params, Role, fans

__all__ = ["About", "At", "GradAt", "about"]


class GradAt(Protocol):
    """A function that computes a second gradient, see `At.grad_at`."""

    def __call__(self, params: Params, batch: Batch | None = None, penalties: bool = True) -> Params:
        """Compute the gradient at other trained parameters.

        Args:
            params: all trained parameters.
            batch: other examples, neither embedded nor perturbed; new random numbers are drawn for them. None: the
                step's own batch with the step's own random numbers. In both cases the phases `perturb` and `hidden` are
                applied to the batch, and `objective` to the loss.
            penalties: add the penalties of all methods to the loss.
        """


def _not_yet(params: Params, batch: Batch | None = None, penalties: bool = True) -> Params:
    """Refuse a second gradient while the step's loss is still being computed."""
    raise ValueError("grad_at can be called in transform, update and project, not in perturb, hidden or penalty")


@dataclass(frozen=True, kw_only=True)
class About:
    """The constants of a replica's training, which `Regularizer.init` may read.

    Attributes:
        roles: parameter name -> "input", "hidden", "readout" or "bias", for the trained parameters.
        fans: parameter name -> (fan_in, fan_out), see `grokbench.types.fans`.
        lr: the learning rate of the task's own optimizer.
        weight_decay: the weight decay of the task's own optimizer.
        decoupled: True if the task's weight decay is separate from the gradient (AdamW), False if it is added to the
            gradient (SGD with L2).
        facts: the task's facts, name -> value, such as "cross_entropy".
        train_size: examples in the training set.
        steps_per_epoch: updates in an epoch.
        key: (), int64, the key of this seed and method, for a random initial state.
    """

    roles: Mapping[str, Role]
    fans: Mapping[str, tuple[int, int]]
    lr: float
    weight_decay: float
    decoupled: bool
    facts: Mapping[str, Any]
    train_size: int
    steps_per_epoch: int
    key: Tensor


@dataclass(frozen=True, kw_only=True)
class At:
    """Everything that a phase may read in one step of one replica. Schedules are computed from `step` and `epoch`.

    Attributes:
        params: the trained parameters, without frozen ones, at which this step's gradient is taken. They are the same
            in every phase. `project` receives the updated parameters separately, as its first argument.
        batch: the step's batch as it was drawn, neither embedded nor perturbed.
        key: (), int64, the key of this seed, epoch, step and method. Fold it once for each purpose, see
            `grokbench.random`.
        step: (), int64, updates completed before this one.
        epoch: (), int64, epochs completed.
        lr: the learning rate of the task's own optimizer, even if an `optimizer` phase has changed it.
        weight_decay: the weight decay of the task's own optimizer, even if an `optimizer` phase has changed it.
        decoupled: True if the task's weight decay is separate from the gradient (AdamW), False if it is added to the
            gradient (SGD with L2).
        roles: parameter name -> "input", "hidden", "readout" or "bias", for `params`.
        fans: parameter name -> (fan_in, fan_out), see `grokbench.types.fans`.
        steps_per_epoch: updates in an epoch.
        input_bounds: the least and the largest valid value of an embedded input. None: there are no bounds.
        facts: the task's facts, name -> value, such as "cross_entropy".
        forward: embedded inputs (n, ...) -> outputs (n, C), with the parameters held fixed.
        loss: the task's own loss, (outputs (n, C), targets (n,)) -> ().
        correct: (outputs (n, C), targets (n,)) -> (n,) bool, the outputs that the task counts as right.
        outputs: (n, C), the outputs on the step's batch before the update. None in perturb, hidden and penalty.
        rate: (), this step's factor of the learning rate: the product of all methods' `rate` and the suite's schedule.
            An `update` multiplies its own learning rate by this factor. None in the other phases.
        grad_at: trained parameters -> the gradient of this step's loss and penalties at these parameters, with the same
            batch and the same draws. The argument `batch` chooses other examples, and `penalties=False` leaves out the
            penalties, see `GradAt`. Only methods with the privilege "extra_gradients" may call it, in transform,
            update and project; elsewhere it raises ValueError.
        needed: name -> value, for those of "budget", "train" and "reserved" that the method declares. Read the
            properties of the same names instead.
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
    fans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    steps_per_epoch: int = 1
    input_bounds: tuple[float, float] | None
    facts: Mapping[str, Any]
    forward: Callable[[Tensor], Tensor]
    loss: Loss
    correct: Correct
    outputs: Tensor | None = None
    rate: Tensor | None = None
    grad_at: GradAt = _not_yet
    needed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def budget(self) -> int:
        """The replica's budget in epochs, for methods that declare `needs={"budget"}`.

        The budget is then a part of the cell's identity: with another budget the replicas are trained again.
        """
        budget: int = self._declared("budget")
        return budget

    @property
    def train(self) -> Batch:
        """The replica's whole training set, not embedded, for methods that declare `needs={"train"}`."""
        train: Batch = self._declared("train")
        return train

    @property
    def reserved(self) -> Batch:
        """The examples of the training set, not embedded, that `Regularizer.reserve` keeps for the method."""
        reserved: Batch = self._declared("reserved")
        return reserved

    def _declared(self, name: str) -> Any:
        if name not in self.needed:
            how = "reserve=0.01" if name == "reserved" else f'needs=frozenset({{"{name}"}})'
            raise ValueError(f"at.{name} needs to be declared: Regularizer(..., {how})")
        return self.needed[name]


def about(trained: Params, task: Task, key: Tensor) -> About:
    """Make the `About` of a replica.

    Args:
        trained: the trained parameters of one replica.
        task: the task that the parameters belong to.
        key: (), the key of the seed and the method.
    """
    optimizer = task.optimizer
    return About(
        roles={name: role for name, role in task.roles.items() if name in trained},
        fans={name: fans(p.shape) for name, p in trained.items()},
        lr=optimizer.lr,
        weight_decay=optimizer.weight_decay,
        decoupled=optimizer.decoupled,
        facts=task.facts,
        train_size=task.train_size,
        steps_per_epoch=task.steps,
        key=key,
    )
