"""The updates by methods with their own optimizer, and the factors of the learning rate."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from grokbench.at import At
from grokbench.step.claims import claims_of
from grokbench.step.context import StepContext
from grokbench.step.phases import Phases
from grokbench.step.readings import AtOf, Readings
from grokbench.step.trial import fields_read
from grokbench.task import Task
from grokbench.types import Params, State

__all__ = ["UpdatePhases"]


class UpdatePhases(Phases, ABC):
    """The phases `update` and `rate` of a cell's methods; a base class of `Step`, which defines the fields.

    Attributes:
        task: the cell's task.
        budget: the cell's budget, in epochs.
    """

    task: Task
    budget: int

    @cached_property
    def _readings(self) -> Readings:
        return Readings(self.task, self.regularizers, self.budget)

    def _after_gradient(self, params: Params, states: tuple[State, ...], outputs: Tensor, context: StepContext) -> AtOf:
        return self._readings.after_gradient(params, states, outputs, context, self._loss_of)

    @abstractmethod
    def _loss_of(self, params: Params, states: tuple[State, ...], context: StepContext, penalties: bool) -> Tensor:
        """Compute the objective, (), whose gradient `At.grad_at` gives, with or without penalties."""

    def claimed(self, params: Params, stacked: bool = False) -> dict[str, int]:
        """Map each parameter that a method updates itself to the number of this method.

        Args:
            params: all parameters.
            stacked: True if the first axis of the parameters is that of replicas.

        Raises:
            ValueError: a method claims a parameter that is not trained, or that another method claims.
        """
        if not any(regularizer.claims for regularizer in self.regularizers):
            return {}
        shapes = {name: tuple(p.shape[stacked:]) for name, p in self.task.trained(params).items()}
        return claims_of(self.regularizers, self._readings.roles, shapes)

    def update(
        self, grads: Params, params: Params, states: tuple[State, ...], outputs: Tensor, context: StepContext
    ) -> tuple[Params, tuple[State, ...]]:
        """Let the methods with their own optimizer update the parameters that they claim.

        Args:
            grads: the gradients of all trained parameters.
            params: all parameters, before the update.
            states: the states of the methods.
            outputs: (n, C), the network's outputs on the batch.
            context: the context of this step.

        Returns:
            The updated values of the claimed parameters, and the states.
        """
        after, at = list(states), self._after_gradient(params, states, outputs, context)
        owners, updated = self.claimed(params), dict[str, Tensor]()
        rate = self.rate(params, states, outputs, context)
        for method, update in self.acting("update"):
            names = [name for name, owner in owners.items() if owner == method]
            own, gradients = ({name: tree[name] for name in names} for tree in (params, grads))
            moved, after[method] = update(own, gradients, states[method], at(method, rate=rate))
            updated |= moved
        return updated, tuple(after)

    def rate(self, params: Params, states: tuple[State, ...], outputs: Tensor, context: StepContext) -> Tensor:
        """Return the product of the methods' factors of the learning rate, (); for the arguments see `update`."""
        at = self._after_gradient(params, states, outputs, context)
        factors = [rate(at(method)) for method, rate in self.acting("rate")]
        one = torch.ones((), dtype=torch.float64, device=context.step.device)
        return torch.stack([one, *(torch.as_tensor(factor, device=one.device).double() for factor in factors)]).prod()

    @cached_property
    def keeps_params(self) -> bool:
        """True if `project` or `rate` may read the parameters before the update; the update then works on a copy.

        The phases are called on tensors without memory. If that fails, they are assumed to read the parameters.
        """
        if self.has("rate") or not self.has("project"):
            return self.has("rate")
        try:
            read = fields_read(self._readings, self, "project", _project)
        except Exception:
            return True
        return any({"params", "forward"} & names for names in read)

    @cached_property
    def ignores_rate(self) -> bool:
        """True if a method updates parameters itself without reading `At.rate`, although another method sets it.

        The phases are called on tensors without memory. If that fails, they are assumed to read `At.rate`.
        """
        if not (self.has("rate") and self.has("update")):
            return False
        try:
            read = fields_read(self._readings, self, "update", self._trial_update)
        except Exception:
            return False
        return any("rate" not in names for names in read)

    def _trial_update(self, update: Any, method: int, trained: Params, state: State, at: At) -> None:
        owners = self.claimed(trained)
        own = {name: p for name, p in trained.items() if owners.get(name) == method}
        update(own, own, state, at)


def _project(project: Callable[..., Any], method: int, trained: Params, state: State, at: At) -> None:
    del method
    project(trained, state, at)
