"""A task: data, network, loss, optimizer, budget and criterion of one replica."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from grokbench.criterion import Stop
from grokbench.types import Batch, Correct, Loss, Optimizer, Params, Role
from grokbench.validation import is_count

__all__ = ["Task"]

MAX_EXAMPLES = 100_000_000  # most examples of a training set


@dataclass(frozen=True, kw_only=True)
class Task:
    """A supervised problem, its network and its training recipe, for one replica.

    Every function handles ONE replica. `splits` and `init` are called once per seed; `embed`, `forward`, `loss` and
    `correct` are mapped over replicas by `torch.func.vmap`, so they must be pure and free of branches on tensors.
    `splits` and `init` draw in float64, and the engine casts to the precision of the run. Runs in float32 and in
    float64 thus start from the same numbers.

    Attributes:
        splits: key () -> {split: `Batch`}, this replica's own data. The key, int64, is the only source of randomness.
        fetch: () -> anything; downloads data files unless they are there. Called before anything is trained. Raises
            DataError if they are missing or damaged. None: there are no files.
        shared: device -> {split: `Batch`}, the data that is the same for every replica, on that device. None: no data
            is shared.
        split_names: the splits that `splits` and `shared` provide together; "train" and "test" by default.
        train_size: examples in the split "train", from 1 to 1e8.
        init: key () -> all parameters before training, drawn only from the key.
        embed: (params, inputs (n, ...) of a split) -> floats (n, ...), with respect to which Jacobians are taken:
            pixels, or the embedding vectors of tokens. None: the inputs of the splits are used unchanged.
        forward: (params, embedded inputs (n, ...)) -> outputs (n, C), where no output depends on other examples. To let
            methods see hidden activations, give `forward` a third argument, `site`, whose default is the identity.
            `forward` then calls h = site(h, name) on hidden activations h (n, ...), after any operation in place, and
            continues with the result.
        frozen: names of parameters that are never updated; none by default. Methods do not receive them.
        loss: (outputs (n, C), targets (n,)) -> (), the mean over the batch.
        correct: (outputs (n, C), targets (n,)) -> (n,) bool, the examples that count as right in accuracies.
        optimizer: the optimizer with its settings; a method's `optimizer` phase may wrap or replace it.
        batch_size: examples in a batch, at least 1; the last, smaller batch of an epoch is trained on too. None: the
            whole training set.
        epochs: the budget, in epochs, at least 1.
        evaluate_every: epochs between two evaluations, at least 1; 1 by default. It must divide the budget.
        grokked: metric label -> condition such as "> 0.90"; all conditions must hold at the same evaluation.
        stop: "grokked" (the default): a replica stops at the evaluation at which the criterion holds. An int k: it
            stops when the criterion has held for k evaluations in a row. {"hold": H}: it stops when grokking has lasted
            for H epochs, see `Crossings`. "budget": it trains to the budget.
        roles: parameter name -> "input", "hidden", "readout" or "bias", for every parameter.
        input_bounds: the least and the largest valid value of an embedded input. None: there are no bounds.
        evaluate_examples: examples in one forward pass of an evaluation, which bounds its memory. None: the whole
            split.
        activations: how many numbers the gradient of one example keeps in memory, from which GrokBench estimates how
            many replicas can train together. Leave it at 0 (the default) if parameters and data need far more memory.
        facts: name -> value, read by methods and metrics: "cross_entropy", "modulus", ... Empty by default.
        full: the same task without rotated coordinates. Seconds are measured on it, and methods that do not rotate with
            the inputs are trained on it. None: this task is not rotated.
        revision: increase it when the numbers change: stored runs of another revision are not reused. 1 by default.

    Raises:
        ValueError: a size, a budget, `stop` or a setting of the optimizer is out of range.
        TypeError: `optimizer` is not an `Optimizer`.
    """

    splits: Callable[[Tensor], dict[str, Batch]]
    fetch: Callable[[], object] | None = None
    shared: Callable[[torch.device], dict[str, Batch]] | None = None
    split_names: tuple[str, ...] = ("train", "test")
    train_size: int
    init: Callable[[Tensor], Params]
    embed: Callable[[Params, Tensor], Tensor] | None = None
    forward: Callable[..., Tensor]
    frozen: frozenset[str] = frozenset()
    loss: Loss
    correct: Correct
    optimizer: Optimizer
    batch_size: int | None = None
    epochs: int
    evaluate_every: int = 1
    grokked: Mapping[str, str]
    stop: Stop = "grokked"
    roles: Mapping[str, Role]
    input_bounds: tuple[float, float] | None = None
    evaluate_examples: int | None = None
    activations: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    full: "Task | None" = None
    revision: int = 1

    @property
    def full_batch(self) -> bool:
        """True if an epoch is one step over the whole training set."""
        return self.batch_size is None or self.batch_size >= self.train_size

    @property
    def steps(self) -> int:
        """Updates in an epoch, including that of the last, smaller batch."""
        return 1 if self.full_batch else -(-self.train_size // (self.batch_size or 1))

    @cached_property
    def has_sites(self) -> bool:
        """True if `forward` takes `site`, so that hidden activations can be read."""
        return "site" in inspect.signature(self.forward).parameters

    def embedded(self, params: Params, inputs: Tensor) -> Tensor:
        """Embed inputs; a task without `embed` returns them unchanged.

        Args:
            params: all parameters of the replica.
            inputs: (n, ...), as in the splits.
        """
        return self.embed(params, inputs) if self.embed else inputs

    def outputs(self, params: Params, inputs: Tensor) -> Tensor:
        """Compute the network's outputs, (n, C).

        Args:
            params: all parameters of the replica.
            inputs: (n, ...), as in the splits; they are embedded here.
        """
        return self.forward(params, self.embedded(params, inputs))

    def trained(self, params: Params) -> Params:
        """Select the parameters that are not frozen.

        Args:
            params: all parameters of the replica.
        """
        return {name: p for name, p in params.items() if name not in self.frozen}

    def __post_init__(self) -> None:
        """Refuse a task that cannot be trained; a factory passes the ValueError or TypeError on to the user."""
        self._refuse_sizes()
        for name in ("epochs", "evaluate_every"):
            if not is_count(value := getattr(self, name)):
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not (self.stop in ("grokked", "budget") or is_count(self.stop) or _is_hold(self.stop)):
            ways = "'grokked', 'budget', {'hold': epochs}, or a number of evaluations of at least 1"
            raise ValueError(f"stop must be {ways}, got {self.stop!r}")
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError("optimizer must be an Optimizer of grokbench, such as grokbench.SGD(lr=...)")
        for name in ("lr", "weight_decay"):
            if (value := getattr(self.optimizer, name)) < 0:
                raise ValueError(f"{name} must not be negative, got {value}")

    def _refuse_sizes(self) -> None:
        if self.train_size < 1:
            raise ValueError("the training set is empty: these parameters leave it no examples")
        if self.train_size > MAX_EXAMPLES:
            raise ValueError(f"a training set of {self.train_size:.3g} examples, expected at most {MAX_EXAMPLES:.0e}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size}")


def _is_hold(stop: Any) -> bool:
    return isinstance(stop, Mapping) and list(stop) == ["hold"] and is_count(stop["hold"])
