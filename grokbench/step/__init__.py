"""The pure step of one replica, built from a task, regularizers and an optimizer.

The phases of a step are here, those of own optimizers in `update_phases`. `grokbench.engine` maps them over replicas
and runs them in this order: perturb, hidden, loss and penalty, transform, update, optimizer with rate, project. Methods
that are combined act in the order of the suite.
"""

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

__all__ = ["NotScalarError", "Step", "StepContext", "UndeclaredGradientError"]


@dataclass(frozen=True)
class Step(UpdatePhases):
    """One replica of a cell as pure functions; the engine maps them over seeds.

    In its methods, `states` is a tuple with one state per regularizer, in order.

    Attributes:
        task: the cell's task.
        regularizers: the cell's methods, in the order of the suite.
        optimizer: the task's, or what a method has made of it.
        metrics: label -> metric.
        required: labels measured at every evaluation: those of the criterion.
        every: label -> its own cadence.
        raw: labels measured at the trained parameters, also if a method has averaged weights evaluated.
        budget: epochs, of the cell.
        skipped: (number of a method, phase) of phases that do not run in this step, see `due_at`.
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
        """Select the phases that run after so many completed updates: all, unless a method names `every`."""
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
        """True if an epoch is one step over the whole training set, as it is."""
        return self.task.full_batch and not self.reserve

    # ---- before training

    def prepare(self, params: Params, train: Batch, key: Tensor) -> Params:
        """Run the methods' `prepare` on the parameters before training; frozen ones stay.

        Args:
            params: all parameters, as `Task.init` draws them.
            train: the replica's training set, as drawn.
            key: (), from which each method gets a key of its own.
        """
        for method, prepare in self.acting("prepare"):
            params = params | prepare(self.task.trained(params), self._callable(params), train, method_key(key, method))
        return params

    def _callable(self, params: Params) -> Task:
        """The task as `prepare` gets it: its network can be called with the trained parameters alone."""
        frozen = {name: p for name, p in params.items() if name in self.task.frozen}
        if not frozen:
            return self.task
        task, embed = self.task, self.task.embed

        @wraps(task.forward)  # whose signature says if there are sites
        def forward(params: Params, *rest: Any, **more: Any) -> Tensor:
            return task.forward(params | frozen, *rest, **more)

        def embedded(params: Params, inputs: Tensor) -> Tensor:
            return embed(params | frozen, inputs) if embed else inputs

        return replace(task, forward=forward, embed=embedded)

    def init(self, params: Params, key: Tensor) -> tuple[State, ...]:
        """Make the state of every regularizer before the first step.

        Args:
            params: all parameters, after `prepare`.
            key: (), of the seed, from which each method gets a key of its own.
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
        """The loss that is trained on, without penalties: the task's, wrapped by the methods' `objective`."""
        loss = self.task.loss
        for _, objective in self.acting("objective"):
            loss = objective(loss)
        return loss

    def _loss_of(self, params: Params, states: tuple[State, ...], context: StepContext, penalties: bool) -> Tensor:
        """Compute the objective, of which `At.grad_at` is the gradient, with or without its penalties."""
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
            moved: the gradients, or the updated parameters, of what is trained.
            params: all parameters, before the update: `At.params`.
            states: of the methods.
            outputs: (n, C), of the network on the batch, before the update.
            context: of this step.

        Returns:
            `moved` and `states` after the last method.
        """
        after, at = list(states), self._after_gradient(params, states, outputs, context)
        for method, function in self.acting(phase):
            moved, after[method] = function(moved, states[method], at(method))
        return moved, tuple(after)

    def evaluated(self, params: Params, states: tuple[State, ...]) -> Params:
        """Select the parameters that evaluations and the criterion see: averages, where a method keeps them."""
        for method, eval_params in self.acting("eval_params"):
            params = params | eval_params(self.task.trained(params), states[method])
        return params

    # ---- evaluations

    @property
    def keeps_initial(self) -> bool:
        """True if a metric compares with the parameters before training."""
        return any(metric.initial for metric in self.metrics.values())

    def due(self, label: str, epoch: int, every: int) -> bool:
        """Tell if a metric is measured at an evaluation.

        Args:
            label: of the metric.
            epoch: epochs completed.
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
            labels: of the metrics.
            params: of the replica.
            splits: its data, by split.
            key: of this evaluation, or a function that makes it.
            known: split -> outputs (n, C) computed already.
            initial: parameters before training, for metrics that compare with them.

        Returns:
            Label -> value, ().
        """
        probe = Probe(params, splits, self.task, key, initial or {}, dict(known))
        return {label: self.metrics[label].measure(probe) for label in labels}
