"""A metric, and the record `Probe` that it reads: one replica at one evaluation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from grokbench.task import Task
from grokbench.types import Batch, Params

__all__ = ["Metric", "Probe"]


class Key:
    """A descriptor for the random key of a record, which is a tensor, or is made by a function at each access.

    The key is made only when a metric reads it: most metrics draw nothing, and folding a key takes dozens of
    operations, each launched on the GPU. It is not cached, because a key that is made inside a gradient cannot be used
    outside.
    """

    def __get__(self, record: Any, owner: type | None = None) -> Tensor:
        if record is None:
            raise AttributeError("a record has a key, its class has none")  # `dataclass` then sees no default
        key = vars(record)["key"]
        return key() if callable(key) else key

    def __set__(self, record: Any, key: Tensor | Callable[[], Tensor]) -> None:
        vars(record)["key"] = key


@dataclass(frozen=True)
class Probe:
    """Everything that a metric may read: one replica at one evaluation.

    Attributes:
        params: all parameters of the replica, frozen ones included.
        splits: split -> examples, with their inputs as drawn (not embedded).
        task: the task.
        key: (), int64, the key of this seed and evaluation. Fold it once for each purpose, see `grokbench.random`.
        initial: the parameters before the first update; empty unless a metric of the cell sets `Metric.initial`.
        known: split -> outputs (n, C) computed so far in this evaluation, shared by all its metrics. Call `outputs`
            instead of reading them here.
    """

    params: Params
    splits: Mapping[str, Batch]
    task: Task
    key: Key = Key()
    initial: Params = field(default_factory=dict)
    known: dict[str, Tensor] = field(default_factory=dict)

    def outputs(self, split: str) -> Tensor:
        """Compute the network's outputs on a split, (n, C), once per evaluation.

        Args:
            split: the name of the split, which the metric lists in `Metric.splits`.
        """
        if split not in self.known:
            pieces = [self.task.outputs(self.params, batch.inputs) for batch in self.pieces(split)]
            self.known[split] = torch.cat(pieces) if len(pieces) > 1 else pieces[0]
        return self.known[split]

    def batches(self, split: str, examples: int | None = None) -> Iterator[Batch]:
        """Iterate over a split with embedded inputs, in pieces of at most `Task.evaluate_examples` examples.

        Args:
            split: the name of the split.
            examples: the number of examples, from the first on. None: all.
        """
        for batch in self.pieces(split, examples):
            yield Batch(self.task.embedded(self.params, batch.inputs), batch.targets)

    def pieces(self, split: str, examples: int | None = None) -> Iterator[Batch]:
        """Iterate over a split in the pieces of `batches`, with inputs as drawn (not embedded), as for `Task.outputs`.

        Args:
            split: the name of the split.
            examples: the number of examples, from the first on. None: all.
        """
        inputs, targets = (part[:examples] for part in self.splits[split])
        size = self.task.evaluate_examples or len(inputs)
        for begin in range(0, len(inputs), size):
            yield Batch(inputs[begin : begin + size], targets[begin : begin + size])


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number measured at an evaluation.

    Attributes:
        measure: probe -> (), for ONE replica. The function is mapped over replicas by `torch.func.vmap`. It must
            therefore be pure, draw only from `Probe.key`, and neither branch on a tensor nor call `.item()`. It runs
            under `torch.no_grad`; `torch.func.grad` still works.
        better: "higher" or "lower": the better direction. None: neither direction is better.
        splits: the splits that the metric reads. The metric is not recorded on a task that lacks one of them. Empty by
            default.
        facts: names that the task's `facts` must contain. The metric is not recorded on other tasks. Empty by default.
        initial: True if the metric reads `Probe.initial`, the parameters before training. False by default.
        fetch: () -> anything; downloads the metric's own data files unless they are there. Called before anything is
            trained, and by a worker process before it trains a group. Raises DataError if the files are missing or
            damaged. None: there are no files.
        rotates: True if the value does not change when the inputs are rotated, that is, when lengths and inner products
            are kept. False by default. A suite that records a metric with `rotates=False` on a rotated task, such as
            xor, is refused.
        bounds: the smallest and the largest possible value. A criterion is refused if no value in this range meets it,
            or if every value does. None: there are no bounds.
    """

    measure: Callable[[Probe], Tensor]
    better: Literal["higher", "lower"] | None = None
    splits: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    initial: bool = False
    fetch: Callable[[], object] | None = None
    rotates: bool = False
    bounds: tuple[float, float] | None = None
