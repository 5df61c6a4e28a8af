"""The record `At` of every method in a step, which holds everything that its phases may read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

from torch import Tensor
from torch.func import grad

from grokbench import random
from grokbench.at import At
from grokbench.regularizer import Regularizer
from grokbench.step.context import StepContext
from grokbench.task import Task
from grokbench.types import Batch, Params, Role, State, fans

__all__ = ["AtOf", "LossOf", "Readings", "UndeclaredGradientError", "second_gradient"]

AtOf = Callable[..., At]  # the number of a method, and fields that differ between phases -> the method's record


class LossOf(Protocol):
    """The loss of a step as a function of all parameters."""

    def __call__(self, params: Params, states: tuple[State, ...], context: StepContext, penalties: bool) -> Tensor:
        """Compute the loss, (), with or without the methods' penalties."""


class UndeclaredGradientError(ValueError):
    """A method takes a second gradient without declaring it."""


@dataclass(frozen=True)
class Readings:
    """Builds the record `At` of each method.

    Attributes:
        task: the cell's task.
        regularizers: the cell's methods.
        budget: the cell's budget, in epochs.
    """

    task: Task
    regularizers: tuple[Regularizer, ...]
    budget: int

    @cached_property
    def roles(self) -> dict[str, Role]:
        """The roles of the trained parameters."""
        return {name: role for name, role in self.task.roles.items() if name not in self.task.frozen}

    def before_gradient(self, params: Params, context: StepContext, outputs: Tensor | None = None) -> AtOf:
        """Prepare the records of the phases up to `penalty`, for which a second gradient does not exist yet.

        Args:
            params: all parameters.
            context: the context of the step.
            outputs: (n, C), the network's outputs on the batch, if they are known.

        Returns:
            A function from the number of a method to its record, which has the method's own key and the values that
            the method declares in `needs` and `reserve`.
        """
        optimizer, trained = self.task.optimizer, self.task.trained(params)
        at = partial(
            At,
            params=trained,
            batch=context.batch,
            step=context.step,
            epoch=context.epoch,
            lr=optimizer.lr,
            weight_decay=optimizer.weight_decay,
            decoupled=optimizer.decoupled,
            roles=self.roles,
            fans={name: fans(p.shape) for name, p in trained.items()},
            steps_per_epoch=self.task.steps,
            input_bounds=self.task.input_bounds,
            forward=partial(self.task.forward, {name: p.detach() for name, p in params.items()}),
            loss=self.task.loss,
            facts=self.task.facts,
            correct=self.task.correct,
            outputs=outputs,
        )
        return lambda method, **more: at(key=context.keys[method], needed=self._needed(method, context), **more)

    def after_gradient(
        self, params: Params, states: tuple[State, ...], outputs: Tensor, context: StepContext, loss_of: LossOf
    ) -> AtOf:
        """Prepare the records of the phases from `transform` on.

        Args:
            params: all parameters, before the update.
            states: the states of the methods.
            outputs: (n, C), the network's outputs on the batch.
            context: the context of the step.
            loss_of: the loss whose gradient `At.grad_at` computes, for methods that declare a second gradient.

        Returns:
            A function from the number of a method to its record, as for `before_gradient`.
        """
        at = self.before_gradient(params, context, outputs)
        grad_at = partial(second_gradient, loss_of, params, states, context)

        def of(method: int, **more: Any) -> At:
            extra = "extra_gradients" in self.regularizers[method].privileges
            return at(method, grad_at=grad_at if extra else _undeclared, **more)

        return of

    def _needed(self, method: int, context: StepContext) -> dict[str, Any]:
        regularizer = self.regularizers[method]
        available = {"budget": self.budget, "train": context.train}
        needed = {name: available[name] for name in regularizer.needs}
        return needed | ({"reserved": context.reserved} if regularizer.reserve else {})


def second_gradient(
    loss_of: LossOf,
    params: Params,
    states: tuple[State, ...],
    context: StepContext,
    trained: Params,
    batch: Batch | None = None,
    penalties: bool = True,
) -> Params:
    """Compute the gradient of a loss at other values of the trained parameters, see `GradAt`.

    Args:
        loss_of: the loss.
        params: all parameters.
        states: the states of the methods.
        context: the context of the step.
        trained: the values of all trained parameters at which the gradient is taken.
        batch: other examples, which get new random draws. None: the step's batch, with the step's draws.
        penalties: add the penalties of all methods to the loss.
    """
    if batch is not None:
        context = context._replace(batch=batch, keys=random.fold(context.keys, "grad_at"))
    return grad(lambda trained: loss_of(params | trained, states, context, penalties))(trained)


def _undeclared(params: Params, batch: Batch | None = None, penalties: bool = True) -> Params:
    """Refuse `grad_at` to a method that has not declared it; the leaderboard prints this cost."""
    raise UndeclaredGradientError(
        'grad_at needs to be declared: Regularizer(..., privileges=frozenset({"extra_gradients"}))'
    )
