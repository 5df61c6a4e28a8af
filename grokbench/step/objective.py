"""The objective of a step: the loss of the perturbed batch, with the methods' penalties."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from grokbench.step.context import StepContext
from grokbench.step.phases import Phases
from grokbench.step.readings import AtOf, Readings
from grokbench.task import Task
from grokbench.types import Batch, Loss, Params, State, linearize_hidden

__all__ = ["NotScalarError", "Objective"]


class NotScalarError(ValueError):
    """A loss or a penalty is not a single number."""


@dataclass(frozen=True)
class Objective:
    """The objective of a step: `compute` maps all parameters, the methods' states and the context to its value.

    `compute` is a method instead of `__call__`, because `vmap` of a callable record costs 5% of an epoch of modular
    addition.

    Attributes:
        task: the cell's task.
        loss: the training loss, without penalties.
        phases: the phases of the methods; perturb, hidden and penalty are used here.
        readings: builds the records that the phases may read.
    """

    task: Task
    loss: Loss
    phases: Phases
    readings: Readings

    def compute(self, params: Params, states: tuple[State, ...], context: StepContext) -> tuple[Tensor, Tensor]:
        """Compute loss + penalties, (), and the outputs, (n, C).

        Args:
            params: all parameters.
            states: the states of the methods.
            context: the context of this step, with the batch.

        Raises:
            ValueError: the loss or a penalty is not a scalar.
        """
        at = self.readings.before_gradient(params, context)
        inputs, targets = self._perturbed(params, states, context, at)
        forward = self._forward(params, states, at)
        if not self.phases.has("penalty"):
            outputs, _ = forward(inputs)
            return _one_number(self.loss(outputs, targets)), outputs
        local = linearize_hidden(forward, inputs)
        total = self.loss(local.outputs, targets)
        for method, penalty in self.phases.acting("penalty"):
            total = total + penalty(local, states[method], at(method))
        return _one_number(total), local.outputs

    def _perturbed(self, params: Params, states: tuple[State, ...], context: StepContext, at: AtOf) -> Batch:
        """Return the batch after embedding and the methods' `perturb`."""
        batch = Batch(self.task.embedded(params, context.batch.inputs), context.batch.targets)
        for method, perturb in self.phases.acting("perturb"):
            batch = perturb(batch, states[method], at(method))
        return batch

    def _forward(
        self, params: Params, states: tuple[State, ...], at: AtOf
    ) -> Callable[[Tensor], tuple[Tensor, Mapping[str, Tensor]]]:
        """Return the network in training: inputs (n, ...) -> outputs (n, C) and hidden activations by site."""
        if not self.task.has_sites or not (self.phases.has("hidden") or self.phases.has("penalty")):
            return lambda inputs: (self.task.forward(params, inputs), {})

        def forward(inputs: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
            seen: dict[str, Tensor] = {}

            def site(h: Tensor, name: str) -> Tensor:
                for method, hidden in self.phases.acting("hidden"):
                    h = hidden(h, name, states[method], at(method))
                seen[name] = h
                return h

            return self.task.forward(params, inputs, site=site), seen

        return forward


def _one_number(total: Tensor) -> Tensor:
    """Refuse a loss with axes, which would silently be summed over examples."""
    if total.shape:
        raise NotScalarError(f"the loss with its penalties is {tuple(total.shape)}, expected (): end it with .mean()")
    return total
