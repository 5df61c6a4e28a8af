"""Task + Regularizer + Optimizer -> one replica's pure step.

The order of the phases is written here and nowhere else: prepare; then for each batch loss and penalties, gradients,
transforms, optimizer. When methods are combined they act in the order of the suite.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor

from grokbench import random
from grokbench.types import At, Batch, Metric, Optimizer, Params, Probe, Regularizer, State, Task, linearize

__all__ = ["Step", "build_step"]


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
    every: Mapping[str, int] = field(default_factory=dict)  # label -> epochs between measurements, where it has its own

    def prepare(self, params: Params, key: Tensor) -> Params:
        """Parameters before training, as the regularizers want them."""
        for method, regularizer in enumerate(self.regularizers):
            if regularizer.prepare:
                params = regularizer.prepare(params, self.task, _method_key(key, method))
        return params

    def init(self, params: Params) -> tuple[State, ...]:
        """The state of every regularizer before the first step."""
        return tuple(regularizer.init(params) if regularizer.init else () for regularizer in self.regularizers)

    def objective(
        self, params: Params, states: tuple[State, ...], batch: Batch, key: Tensor, step: Tensor, epoch: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Loss + penalties, (), the loss alone, (), and the outputs, (n, C)."""
        if not any(regularizer.penalty for regularizer in self.regularizers):
            outputs = self.task.forward(params, batch.inputs)
            loss = self.task.loss(outputs, batch.targets)
            return loss, loss, outputs
        local = linearize(partial(self.task.forward, params), batch.inputs)
        loss = self.task.loss(local.outputs, batch.targets)
        total = loss
        for method, (regularizer, state) in enumerate(zip(self.regularizers, states, strict=True)):
            if regularizer.penalty:
                at = self._at(params, batch, _method_key(key, method), step, epoch)
                total = total + regularizer.penalty(local, state, at)
        return total, loss, local.outputs

    @property
    def transforms(self) -> bool:
        """Whether any method touches gradients."""
        return any(regularizer.transform for regularizer in self.regularizers)

    def transform(
        self,
        grads: Params,
        params: Params,
        states: tuple[State, ...],
        batch: Batch,
        key: Tensor,
        step: Tensor,
        epoch: Tensor,
    ) -> tuple[Params, tuple[State, ...]]:
        """Gradients as the optimizer gets them, and the states after this step."""
        after = list(states)
        for method, regularizer in enumerate(self.regularizers):
            if regularizer.transform:
                at = self._at(params, batch, _method_key(key, method), step, epoch)
                grads, after[method] = regularizer.transform(grads, states[method], at)
        return grads, tuple(after)

    def evaluate(
        self, labels: Sequence[str], params: Params, splits: Mapping[str, Batch], key: Tensor, known: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """The metrics of those labels, each (); `known` holds outputs already computed, per split."""
        probe = Probe(params, splits, self.task, key, dict(known))
        return {label: self.metrics[label].measure(probe) for label in labels}

    def _at(self, params: Params, batch: Batch, key: Tensor, step: Tensor, epoch: Tensor) -> At:
        return At(
            params=params,
            batch=batch,
            key=key,
            step=step,
            epoch=epoch,
            lr=self.task.optimizer.lr,
            weight_decay=self.task.optimizer.weight_decay,
            decoupled=self.task.optimizer.decoupled,
            roles=self.task.roles,
            input_bounds=self.task.input_bounds,
        )


def _method_key(key: Tensor, method: int) -> Tensor:
    """Methods that are combined draw from streams of their own."""
    return random.fold(key, "method", method)


def build_step(
    task: Task,
    regularizers: Sequence[Regularizer],
    metrics: Mapping[str, Metric],
    required: Iterable[str] = (),
    every: Mapping[str, int] | None = None,
) -> Step:
    """The step of a task under some regularizers, recording some metrics."""
    optimizer: Optimizer = task.optimizer
    for regularizer in regularizers:
        if regularizer.optimizer:
            optimizer = regularizer.optimizer(optimizer)
    return Step(task, tuple(regularizers), optimizer, dict(metrics), frozenset(required), dict(every or {}))
