"""The pure step of one replica, built from a task, regularizers and an optimizer.

The order of the phases is written here and nowhere else: prepare; then for each batch perturbations, loss and
penalties, gradients, transforms, optimizer, projections. Methods that are combined act in the order of the suite.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import grad

from grokbench import random
from grokbench.cadence import Every, is_due
from grokbench.metric import Metric, Probe
from grokbench.regularizer import At, Regularizer
from grokbench.task import Task
from grokbench.types import Batch, Loss, Optimizer, Params, State, linearize

__all__ = ["NotScalarError", "Step", "StepContext", "UndeclaredGradientError", "build_step"]


class NotScalarError(ValueError):
    """A loss or a penalty is not a single number."""


class UndeclaredGradientError(ValueError):
    """A method takes a second gradient and does not declare it."""


class StepContext(NamedTuple):
    """The inputs of one step of a replica, beside its parameters and states.

    Attributes:
        batch: the examples it is taken on.
        keys: (methods,), of this seed, epoch and step, see `Step.keys`.
        step: (), updates completed.
        epoch: (), epochs completed.
    """

    batch: Batch
    keys: Tensor
    step: Tensor
    epoch: Tensor


@dataclass(frozen=True)
class Step:
    """One replica of a cell as pure functions; the engine maps them over seeds.

    In its methods, `states` is a tuple with one state per regularizer, in order.

    Attributes:
        task: the cell's task.
        regularizers: the cell's methods, in the order of the suite.
        optimizer: the task's, or what a method has made of it.
        metrics: label -> metric.
        required: labels measured at every evaluation: those of the criterion.
        every: label -> its own cadence.
    """

    task: Task
    regularizers: tuple[Regularizer, ...]
    optimizer: Optimizer
    metrics: Mapping[str, Metric]
    required: frozenset[str] = frozenset()
    every: Mapping[str, Every] = field(default_factory=dict)

    def prepare(self, params: Params, key: Tensor) -> Params:
        """Run the methods' `prepare` on the parameters before training; frozen ones stay.

        Args:
            params: all parameters, as `Task.init` draws them.
            key: (), from which each method gets a key of its own.
        """
        for method, regularizer in enumerate(self.regularizers):
            if regularizer.prepare:
                params = params | regularizer.prepare(self.task.trained(params), self.task, _method_key(key, method))
        return params

    def init(self, params: Params) -> tuple[State, ...]:
        """Make the state of every regularizer before the first step, from all parameters after `prepare`."""
        trained = self.task.trained(params)
        return tuple(regularizer.init(trained) if regularizer.init else () for regularizer in self.regularizers)

    def objective(self, params: Params, states: tuple[State, ...], context: StepContext) -> tuple[Tensor, Tensor]:
        """Compute loss + penalties, (), and the outputs, (n, C).

        Args:
            params: all parameters.
            states: of the methods.
            context: of this step; the loss is that of its batch.

        Raises:
            ValueError: the loss or a penalty is not a scalar.
        """
        at = self._at(params, context)
        inputs, targets = self._perturbed(params, states, context, at)
        forward = partial(self.task.forward, params)
        if not self.has("penalty"):
            outputs = forward(inputs)
            return _one_number(self.loss(outputs, targets)), outputs
        local = linearize(forward, inputs)
        total = self.loss(local.outputs, targets)
        for method, (regularizer, state) in enumerate(zip(self.regularizers, states, strict=True)):
            if regularizer.penalty:
                total = total + regularizer.penalty(local, state, at(key=context.keys[method]))
        return _one_number(total), local.outputs

    def _perturbed(
        self, params: Params, states: tuple[State, ...], context: StepContext, at: Callable[..., At]
    ) -> Batch:
        """The batch after embedding and the methods' `perturb`."""
        batch = Batch(self.task.embedded(params, context.batch.inputs), context.batch.targets)
        for method, (regularizer, state) in enumerate(zip(self.regularizers, states, strict=True)):
            if regularizer.perturb:
                batch = regularizer.perturb(batch, state, at(key=context.keys[method]))
        return batch

    @cached_property
    def loss(self) -> Loss:
        """The loss that is trained on, without penalties: the task's, wrapped by the methods' `objective`."""
        loss = self.task.loss
        for regularizer in self.regularizers:
            if regularizer.objective:
                loss = regularizer.objective(loss)
        return loss

    @property
    def draws(self) -> bool:
        """True if any method has a phase that may use its key."""
        return any(map(self.has, ("perturb", "penalty", "transform", "project")))

    def keys(self, key: Tensor) -> Tensor:
        """Fold the key of a step into one for each method, (...) -> (..., methods); methods is 0 where none draws.

        Folding takes dozens of operations, so the engine does it for all steps of an epoch at once.
        """
        methods = len(self.regularizers) if self.draws else 0
        folded = [_method_key(key, method) for method in range(methods)]
        return torch.stack(folded, -1) if folded else key.new_empty((*key.shape, 0))

    def has(self, phase: str) -> bool:
        """Tell if any method has a phase of that name."""
        return any(getattr(regularizer, phase) for regularizer in self.regularizers)

    def through(
        self,
        phase: str,
        moved: Params,
        params: Params,
        states: tuple[State, ...],
        outputs: Tensor,
        context: StepContext,
    ) -> tuple[Params, tuple[State, ...]]:
        """Apply a phase of every method in turn: `transform` to gradients, or `project` to parameters.

        Args:
            phase: "transform" or "project".
            moved: the gradients, or the updated parameters, of what is trained.
            params: all parameters, as `At.params` shows them.
            states: of the methods.
            outputs: (n, C), of the network on the batch, before the update.
            context: of this step.

        Returns:
            `moved` and `states` after the last method.
        """
        after, at = list(states), self._at(params, context, outputs)
        grad_at = partial(self._grad_at, params, states, context)
        for method, regularizer in enumerate(self.regularizers):
            if function := getattr(regularizer, phase):
                extra = grad_at if "extra_gradients" in regularizer.privileges else _undeclared
                here = at(key=context.keys[method], grad_at=extra)
                moved, after[method] = function(moved, states[method], here)
        return moved, tuple(after)

    def _grad_at(self, params: Params, states: tuple[State, ...], context: StepContext, trained: Params) -> Params:
        """The gradient of this step's objective, with this step's draws, at other values of the trained parameters."""
        return grad(lambda trained: self.objective(params | trained, states, context)[0])(trained)

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
            initial: parameters before training, for metrics that ask for them.

        Returns:
            Label -> value, ().
        """
        probe = Probe(params, splits, self.task, key, initial or {}, dict(known))
        return {label: self.metrics[label].measure(probe) for label in labels}

    def _at(self, params: Params, context: StepContext, outputs: Tensor | None = None) -> Callable[..., At]:
        """Prepare an `At`; the caller adds what differs between methods, such as `key`."""
        optimizer = self.task.optimizer
        return partial(
            At,
            params=self.task.trained(params),
            batch=context.batch,
            step=context.step,
            epoch=context.epoch,
            lr=optimizer.lr,
            weight_decay=optimizer.weight_decay,
            decoupled=optimizer.decoupled,
            roles={name: role for name, role in self.task.roles.items() if name not in self.task.frozen},
            input_bounds=self.task.input_bounds,
            forward=partial(self.task.forward, {name: p.detach() for name, p in params.items()}),
            loss=self.task.loss,
            facts=self.task.facts,
            correct=self.task.correct,
            outputs=outputs,
        )


def _one_number(total: Tensor) -> Tensor:
    """Refuse a loss with axes: it would be summed over examples silently."""
    if total.shape:
        raise NotScalarError(f"the loss with its penalties is {tuple(total.shape)}, expected (): end it with .mean()")
    return total


def _undeclared(trained: Params) -> Params:
    """Refuse `grad_at` to a method that has not declared its cost, which the leaderboard prints."""
    raise UndeclaredGradientError(
        'grad_at needs to be declared: Regularizer(..., privileges=frozenset({"extra_gradients"}))'
    )


def _method_key(key: Tensor, method: int) -> Tensor:
    """The key of one of several combined methods: each draws from a stream of its own."""
    return random.fold(key, "method", method)


def build_step(
    task: Task,
    regularizers: Sequence[Regularizer],
    metrics: Mapping[str, Metric],
    required: Iterable[str] = (),
    every: Mapping[str, Every] | None = None,
) -> Step:
    """Build the step of a task under some regularizers, recording some metrics.

    Args:
        task: the cell's task.
        regularizers: in the order in which they act.
        metrics: label -> metric.
        required: labels of metrics measured at every evaluation.
        every: label -> cadence, for metrics with one of their own.
    """
    optimizer: Optimizer = task.optimizer
    for regularizer in regularizers:
        if regularizer.optimizer:
            optimizer = regularizer.optimizer(optimizer)
    return Step(task, tuple(regularizers), optimizer, dict(metrics), frozenset(required), dict(every or {}))
