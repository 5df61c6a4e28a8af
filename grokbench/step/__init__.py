"""The pure step of one replica, built from a task, regularizers and an optimizer.

This module has the phases of a step; `update_phases` has those of methods with their own optimizer. `grokbench.engine`
maps the phases over replicas and runs them in this order: perturb, hidden, loss and penalty, transform, update,
optimizer with rate, project. Combined methods act in the order of the suite.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Any

from torch import Tensor

from grokbench import random
from grokbench.cadence import Every, is_due
from grokbench.metric import Metric, Probe
from grokbench.regularizer import Regularizer
from grokbench.step.context import StepContext
from grokbench.step.objective import NotScalarError, Objective
from grokbench.step.phases import method_key
from grokbench.step.readings import UndeclaredGradientError
from grokbench.step.update_phases import UpdatePhases
from grokbench.task import Task
from grokbench.types import Batch, Loss, Optimizer, Params, State

# The first `torch.func.jvp` of a process makes torch call its own deprecated function; no plugin can avoid that.
warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning, r"torch\.jit\._script")

__all__ = ["NotScalarError", "Step", "StepContext", "UndeclaredGradientError"]


@dataclass(frozen=True)
class Step(UpdatePhases):
    """One replica of a cell as pure functions; the engine maps them over seeds.

    In its methods, `states` is a tuple with one state per regularizer, in order.

    Attributes:
        task: the cell's task.
        regularizers: the cell's methods, in the order of the suite.
        optimizer: the task's optimizer, possibly wrapped or replaced by a method.
        metrics: label -> metric.
        required: labels of the criterion's metrics, which are measured at every evaluation.
        every: label -> cadence, for metrics that have their own.
        raw: labels measured at the trained parameters even if a method evaluates averaged weights.
        budget: the cell's budget, in epochs.
        skipped: the phases that do not run in this step, as pairs (number of a method, phase), see `due_at`.
    """

    task: Task
    regularizers: tuple[Regularizer, ...]
    optimizer: Optimizer
    metrics: Mapping[str, Metric]
    required: frozenset[str] = frozenset()
    every: Mapping[str, Every] = field(default_factory=dict)
    raw: frozenset[str] = frozenset()
    budget: int = 1
    skipped: frozenset[tuple[int, str]] = frozenset()

    # ---- which phases there are

    def due_at(self, updates: int) -> "Step":
        """Select the phases that run after `updates` completed updates: all phases, unless a method sets `every`."""
        if not self.periodic:
            return self
        skipped = self.not_due(updates)
        if skipped not in self._variants:
            self._variants[skipped] = replace(self, skipped=skipped) if skipped else self
        return self._variants[skipped]

    @cached_property
    def _variants(self) -> dict[frozenset[tuple[int, str]], "Step"]:
        return {}

    @cached_property
    def full_batch(self) -> bool:
        """True if an epoch is a single step over the whole training set, in its own order."""
        return self.task.full_batch and not self.reserve

    # ---- before training

    def prepare(self, params: Params, train: Batch, key: Tensor) -> Params:
        """Run the methods' `prepare` on the parameters before training; frozen parameters stay unchanged.

        Args:
            params: all parameters, as `Task.init` draws them.
            train: the replica's training set, as drawn.
            key: (), from which each method gets its own key.
        """
        for method, prepare in self.acting("prepare"):
            params = params | prepare(self.task.trained(params), self._callable(params), train, method_key(key, method))
        return params

    def _callable(self, params: Params) -> Task:
        """Return the task that `prepare` gets; its network can be called with the trained parameters alone."""
        frozen = {name: p for name, p in params.items() if name in self.task.frozen}
        if not frozen:
            return self.task
        task, embed = self.task, self.task.embed

        @wraps(task.forward)  # the signature shows whether there are sites
        def forward(params: Params, *rest: Any, **more: Any) -> Tensor:
            return task.forward(params | frozen, *rest, **more)

        def embedded(params: Params, inputs: Tensor) -> Tensor:
            return embed(params | frozen, inputs) if embed else inputs

        return replace(task, forward=forward, embed=embedded)

    def init(self, params: Params, key: Tensor) -> tuple[State, ...]:
        """Make the state of every regularizer before the first step.

        Args:
            params: all parameters, after `prepare`.
            key: (), the seed's key, from which each method gets its own key.
        """
        trained, key = self.task.trained(params), random.fold(key, "init")
        keys = [method_key(key, method) for method in range(len(self.regularizers))]
        return tuple(
            one.initial_state(trained, self.task, own) for one, own in zip(self.regularizers, keys, strict=True)
        )

    # ---- the gradient

    @cached_property
    def objective(self) -> Callable[[Params, tuple[State, ...], StepContext], tuple[Tensor, Tensor]]:
        """The objective: (params, states, context) -> loss + penalties, (), and the outputs, (n, C)."""
        return Objective(self.task, self.loss, self, self._readings).compute

    @cached_property
    def loss(self) -> Loss:
        """The training loss without penalties: the task's loss, wrapped by the methods' `objective`."""
        loss = self.task.loss
        for _, objective in self.acting("objective"):
            loss = objective(loss)
        return loss

    def _loss_of(self, params: Params, states: tuple[State, ...], context: StepContext, penalties: bool) -> Tensor:
        """Compute the objective whose gradient `At.grad_at` gives, with or without penalties."""
        every = frozenset((method, "penalty") for method in range(len(self.regularizers)))
        step = self if penalties else replace(self, skipped=self.skipped | every)
        return step.objective(params, states, context)[0]

    # ---- the update

    def through(
        self,
        phase: str,
        moved: Params,
        params: Params,
        states: tuple[State, ...],
        outputs: Tensor,
        context: StepContext,
    ) -> tuple[Params, tuple[State, ...]]:
        """Apply a phase of every method in turn: `transform` to gradients, or `project` to updated parameters.

        Args:
            phase: "transform" or "project".
            moved: the gradients, or the updated values, of the trained parameters.
            params: all parameters, before the update: `At.params`.
            states: the states of the methods.
            outputs: (n, C), the network's outputs on the batch, before the update.
            context: the context of this step.

        Returns:
            `moved` and `states` after the last method.
        """
        after, at = list(states), self._after_gradient(params, states, outputs, context)
        for method, function in self.acting(phase):
            moved, after[method] = function(moved, states[method], at(method))
        return moved, tuple(after)

    def evaluated(self, params: Params, states: tuple[State, ...]) -> Params:
        """Return the parameters that evaluations and the criterion use: averages, if a method keeps averages."""
        for method, eval_params in self.acting("eval_params"):
            params = params | eval_params(self.task.trained(params), states[method])
        return params

    # ---- evaluations

    @property
    def keeps_initial(self) -> bool:
        """True if a metric compares with the parameters before training."""
        return any(metric.initial for metric in self.metrics.values())

    def due(self, label: str, epoch: int, every: int) -> bool:
        """Return whether a metric is measured at an evaluation.

        Args:
            label: the label of the metric.
            epoch: completed epochs.
            every: epochs between two evaluations.
        """
        return label in self.required or is_due(self.every.get(label, 1), epoch, every)

    def evaluate(
        self,
        labels: Sequence[str],
        params: Params,
        splits: Mapping[str, Batch],
        key: Tensor | Callable[[], Tensor],
        known: dict[str, Tensor],
        initial: Params | None = None,
    ) -> dict[str, Tensor]:
        """Measure metrics on one replica.

        Args:
            labels: the labels of the metrics.
            params: the parameters of the replica.
            splits: the replica's data, by split.
            key: the key of this evaluation, or a function that makes it.
            known: split -> outputs (n, C) that are already computed.
            initial: parameters before training, for metrics that compare with them.

        Returns:
            Label -> value, ().
        """
        probe = Probe(params, splits, self.task, key, initial or {}, dict(known))
        return {label: self.metrics[label].measure(probe) for label in labels}
