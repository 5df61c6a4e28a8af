"""Task + Regularizer + Optimizer -> one replica's pure step.

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
from grokbench.types import At, Batch, Loss, Optimizer, Params, Regularizer, State, Task, linearize

__all__ = ["Instant", "Step", "build_step"]


class Instant(NamedTuple):
    """One step of a replica: what it is taken on, what it draws from, and how many there were before it."""

    batch: Batch
    keys: Tensor  # (methods,): of this seed, epoch and step, see `Step.keys`
    step: Tensor  # (): updates completed
    epoch: Tensor  # (): epochs completed


@dataclass(frozen=True)
class Step:
    """One replica of a cell as pure functions; the engine maps them over seeds.

    `states` is a tuple with one state per regularizer, in order.
    """

    task: Task
    regularizers: tuple[Regularizer, ...]
    optimizer: Optimizer
    metrics: Mapping[str, Metric]  # label -> metric
    required: frozenset[str] = frozenset()  # labels measured at every evaluation: the criterion's
    every: Mapping[str, Every] = field(default_factory=dict)  # label -> its own cadence

    def prepare(self, params: Params, key: Tensor) -> Params:
        """Parameters before training, as the regularizers want them; the frozen ones stay."""
        for method, regularizer in enumerate(self.regularizers):
            if regularizer.prepare:
                params = params | regularizer.prepare(self.task.trained(params), self.task, _method_key(key, method))
        return params

    def init(self, params: Params) -> tuple[State, ...]:
        """The state of every regularizer before the first step."""
        trained = self.task.trained(params)
        return tuple(regularizer.init(trained) if regularizer.init else () for regularizer in self.regularizers)

    def objective(self, params: Params, states: tuple[State, ...], now: Instant) -> tuple[Tensor, Tensor]:
        """Loss + penalties, (), and the outputs, (n, C)."""
        at = self._at(params, now)
        inputs, targets = self._perturbed(params, states, now, at)
        forward = partial(self.task.forward, params)
        if not self.has("penalty"):
            outputs = forward(inputs)
            return _one_number(self.loss(outputs, targets)), outputs
        local = linearize(forward, inputs)
        total = self.loss(local.outputs, targets)
        for method, (regularizer, state) in enumerate(zip(self.regularizers, states, strict=True)):
            if regularizer.penalty:
                total = total + regularizer.penalty(local, state, at(key=now.keys[method]))
        return _one_number(total), local.outputs

    def _perturbed(self, params: Params, states: tuple[State, ...], now: Instant, at: Callable[..., At]) -> Batch:
        """The batch as the network gets it."""
        batch = Batch(self.task.embedded(params, now.batch.inputs), now.batch.targets)
        for method, (regularizer, state) in enumerate(zip(self.regularizers, states, strict=True)):
            if regularizer.perturb:
                batch = regularizer.perturb(batch, state, at(key=now.keys[method]))
        return batch

    @cached_property
    def loss(self) -> Loss:
        """What is trained on, before penalties."""
        loss = self.task.loss
        for regularizer in self.regularizers:
            if regularizer.objective:
                loss = regularizer.objective(loss)
        return loss

    @property
    def draws(self) -> bool:
        """Whether any method has a phase that may look at its key."""
        return any(map(self.has, ("perturb", "penalty", "transform", "project")))

    def keys(self, key: Tensor) -> Tensor:
        """A key of each method, given one of a step, (...) -> (..., methods); of no method, where none draws.

        Folding takes dozens of operations: the engine has it done for all steps of an epoch at once.
        """
        methods = len(self.regularizers) if self.draws else 0
        folded = [_method_key(key, method) for method in range(methods)]
        return torch.stack(folded, -1) if folded else key.new_empty((*key.shape, 0))

    def has(self, phase: str) -> bool:
        """Whether any method has a phase of that name."""
        return any(getattr(regularizer, phase) for regularizer in self.regularizers)

    def through(
        self, phase: str, moved: Params, params: Params, states: tuple[State, ...], outputs: Tensor, now: Instant
    ) -> tuple[Params, tuple[State, ...]]:
        """What the methods' `transform` makes of gradients, or `project` of parameters, in turn; and the states.

        `outputs`, (n, C), are the network's at the batch before the update.
        """
        after, at = list(states), self._at(params, now, outputs)
        grad_at = partial(self._grad_at, params, states, now)
        for method, regularizer in enumerate(self.regularizers):
            if function := getattr(regularizer, phase):
                extra = grad_at if "extra_gradients" in regularizer.privileges else _undeclared
                here = at(key=now.keys[method], grad_at=extra)
                moved, after[method] = function(moved, states[method], here)
        return moved, tuple(after)

    def _grad_at(self, params: Params, states: tuple[State, ...], now: Instant, trained: Params) -> Params:
        """The gradient of this step's objective, with the draws of this step, at other values of what is trained."""
        return grad(lambda trained: self.objective(params | trained, states, now)[0])(trained)

    @property
    def keeps_initial(self) -> bool:
        """Whether a metric compares with the parameters before training."""
        return any(metric.initial for metric in self.metrics.values())

    def due(self, label: str, epoch: int, every: int) -> bool:
        """Whether a metric is measured at the evaluation of that epoch, with `every` epochs between evaluations."""
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
        """The metrics of those labels, each (); `known` holds outputs already computed, per split."""
        probe = Probe(params, splits, self.task, key, initial or {}, dict(known))
        return {label: self.metrics[label].measure(probe) for label in labels}

    def _at(self, params: Params, now: Instant, outputs: Tensor | None = None) -> Callable[..., At]:
        """What the methods may look at, given their key."""
        optimizer = self.task.optimizer
        return partial(
            At,
            params=self.task.trained(params),
            batch=now.batch,
            step=now.step,
            epoch=now.epoch,
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
    """A loss of every example would be summed over them without a word."""
    if total.shape:
        raise ValueError(f"the loss with its penalties is {tuple(total.shape)}, expected (): end it with .mean()")
    return total


def _undeclared(trained: Params) -> Params:
    """A second gradient doubles what a step costs: the leaderboard has to say so."""
    raise ValueError('grad_at needs to be declared: Regularizer(..., privileges=frozenset({"extra_gradients"}))')


def _method_key(key: Tensor, method: int) -> Tensor:
    """Methods that are combined draw from streams of their own."""
    return random.fold(key, "method", method)


def build_step(
    task: Task,
    regularizers: Sequence[Regularizer],
    metrics: Mapping[str, Metric],
    required: Iterable[str] = (),
    every: Mapping[str, Every] | None = None,
) -> Step:
    """The step of a task under some regularizers, recording some metrics."""
    optimizer: Optimizer = task.optimizer
    for regularizer in regularizers:
        if regularizer.optimizer:
            optimizer = regularizer.optimizer(optimizer)
    return Step(task, tuple(regularizers), optimizer, dict(metrics), frozenset(required), dict(every or {}))
