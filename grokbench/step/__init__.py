"""The pure step of one replica, built from a task, regularizers and an optimizer.

The phases of a step are here. `grokbench.engine` maps them over replicas and runs them in this order: perturb, hidden,
loss and penalty, transform, update, optimizer with rate, project. Methods that are combined act in the order of the
suite.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Any

import torch
from torch import Tensor

from grokbench import random
from grokbench.at import At
from grokbench.cadence import Every, is_due
from grokbench.metric import Metric, Probe
from grokbench.regularizer import Regularizer
from grokbench.step.claims import claims_of
from grokbench.step.context import StepContext
from grokbench.step.objective import NotScalarError, Objective
from grokbench.step.phases import Phases, method_key
from grokbench.step.readings import AtOf, Readings, UndeclaredGradientError
from grokbench.step.trial import fields_read
from grokbench.task import Task
from grokbench.types import Batch, Loss, Optimizer, Params, State

__all__ = ["NotScalarError", "Step", "StepContext", "UndeclaredGradientError"]


@dataclass(frozen=True)
class Step(Phases):
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
    def objective(self) -> Objective:
        """The objective: (params, states, context) -> loss + penalties, (), and the outputs, (n, C)."""
        return Objective(self.task, self.loss, self, self._readings)

    @cached_property
    def loss(self) -> Loss:
        """The loss that is trained on, without penalties: the task's, wrapped by the methods' `objective`."""
        loss = self.task.loss
        for _, objective in self.acting("objective"):
            loss = objective(loss)
        return loss

    # ---- what methods may read

    @cached_property
    def _readings(self) -> Readings:
        return Readings(self.task, self.regularizers, self.budget)

    def _after_gradient(self, params: Params, states: tuple[State, ...], outputs: Tensor, context: StepContext) -> AtOf:
        return self._readings.after_gradient(params, states, outputs, context, self._loss_of)

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

    def claimed(self, params: Params, stacked: bool = False) -> dict[str, int]:
        """Map the parameters that methods update themselves to the number of the method.

        Args:
            params: all parameters.
            stacked: their first axis is that of replicas.

        Raises:
            ValueError: a method claims what is not trained, or what another one has claimed.
        """
        if not any(regularizer.claims for regularizer in self.regularizers):
            return {}
        shapes = {name: tuple(p.shape[stacked:]) for name, p in self.task.trained(params).items()}
        return claims_of(self.regularizers, self._readings.roles, shapes)

    def update(
        self, grads: Params, params: Params, states: tuple[State, ...], outputs: Tensor, context: StepContext
    ) -> tuple[Params, tuple[State, ...]]:
        """Let the methods with an own optimizer update the parameters that they claim.

        Args:
            grads: of all trained parameters.
            params: all parameters, before the update.
            states: of the methods.
            outputs: (n, C), of the network on the batch.
            context: of this step.

        Returns:
            The updated parameters, the claimed ones alone, and the states.
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
        """Multiply the methods' factors of the learning rate, (); for the arguments see `update`."""
        at = self._after_gradient(params, states, outputs, context)
        factors = [rate(at(method)) for method, rate in self.acting("rate")]
        one = torch.ones((), dtype=torch.float64, device=context.step.device)
        return torch.stack([one, *(torch.as_tensor(factor, device=one.device).double() for factor in factors)]).prod()

    @cached_property
    def keeps_params(self) -> bool:
        """True if `project` or `rate` look at the parameters before the update, which is then done on a copy.

        Projections are called on the shapes of a replica. If that fails, they are assumed to look.
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
        """True if a method updates parameters itself without reading `At.rate`, which another one sets.

        The phases are tried on the shapes of a replica; where they cannot be, they are taken to read it.
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


def _project(project: Callable[..., Any], method: int, trained: Params, state: State, at: At) -> None:
    del method
    project(trained, state, at)
