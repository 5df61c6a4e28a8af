"""A metric, and what it may look at: one replica at one evaluation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from grokbench.task import Task
from grokbench.types import Batch, Params

__all__ = ["Metric", "Probe"]


class Key:
    """The key of a record: given to it, or made whenever it is looked at.

    Most metrics draw nothing, and folding a key takes dozens of operations, each of which a GPU has to launch. It is
    not kept: one that is made inside of a gradient cannot be used outside.
    """

    def __get__(self, record: Any, owner: type | None = None) -> Tensor:
        if record is None:
            raise AttributeError("a record has one, its class has none")  # which tells `dataclass`: no default
        key = vars(record)["key"]
        return key() if callable(key) else key

    def __set__(self, record: Any, key: Tensor | Callable[[], Tensor]) -> None:
        vars(record)["key"] = key


@dataclass(frozen=True)
class Probe:
    """What a metric may look at: one replica at one evaluation."""

    params: Params
    splits: Mapping[str, Batch]
    task: Task
    key: Key = Key()  #: (): of this seed and evaluation
    initial: Params = field(default_factory=dict)  #: before the first update; empty unless a metric is `initial`
    known: dict[str, Tensor] = field(default_factory=dict)  #: outputs per split, shared by the metrics

    def outputs(self, split: str) -> Tensor:
        """The network's outputs on a split, (n, C), computed once per evaluation."""
        if split not in self.known:
            pieces = [self.task.outputs(self.params, batch.inputs) for batch in self.pieces(split)]
            self.known[split] = torch.cat(pieces) if len(pieces) > 1 else pieces[0]
        return self.known[split]

    def batches(self, split: str, examples: int | None = None) -> Iterator[Batch]:
        """The first `examples` of a split (default: all), embedded, in pieces that fit the task's memory."""
        for batch in self.pieces(split, examples):
            yield Batch(self.task.embedded(self.params, batch.inputs), batch.targets)

    def pieces(self, split: str, examples: int | None = None) -> Iterator[Batch]:
        """The same with inputs as they were drawn, for `Task.outputs`."""
        inputs, targets = (part[:examples] for part in self.splits[split])
        size = self.task.evaluate_examples or len(inputs)
        for begin in range(0, len(inputs), size):
            yield Batch(inputs[begin : begin + size], targets[begin : begin + size])


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number measured at an evaluation."""

    measure: Callable[[Probe], Tensor]  #: -> ()
    better: Literal["higher", "lower"] | None = None  #: None: neither direction is good in itself
    splits: tuple[str, ...] = ()  #: the splits it needs; a task without them cannot record it
    facts: tuple[str, ...] = ()  #: the facts it asks of a task; a task without them cannot record it
    initial: bool = False  #: it compares with the parameters before training, `Probe.initial`, which are kept for it
    fetch: Callable[[], object] | None = None  #: makes files of its own be there, or raises DataError; called first
    rotates: bool = False  #: the same number in rotated coordinates of the inputs, whose lengths and products are kept
    bounds: tuple[float, float] | None = None  #: of its values: a criterion that asks for more is refused
