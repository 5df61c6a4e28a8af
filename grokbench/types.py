"""The vocabulary of one replica: records of pure functions, and their axes.

Nothing here knows about groups of seeds: every function takes and returns the tensors of one replica, and the engine
maps it over seeds. Shapes in docstrings: n examples, d input features, C outputs, () a scalar tensor.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from grokbench.validation import is_count

__all__ = [
    "At",
    "Batch",
    "Local",
    "Optimizer",
    "Params",
    "Privilege",
    "Regularizer",
    "Role",
    "Task",
    "linearize",
]

Params = dict[str, Tensor]  # name -> parameter, in one canonical order
State = Any  # a NamedTuple of tensors and dicts of tensors, or ()

Privilege = Literal[
    "extra_labels",
    "test_accuracy",
    "second_model",
    "extra_gradients",
    "prior_knowledge",
    "averaged_weights",
    "loss",
    "architecture",
]


Role = Literal["input", "hidden", "readout", "bias"]  # of a parameter: methods choose layers by it

Loss = Callable[[Tensor, Tensor], Tensor]  # outputs (n, C), targets (n,) -> ()
Correct = Callable[[Tensor, Tensor], Tensor]  # outputs (n, C), targets (n,) -> (n,) bool

MAX_EXAMPLES = 100_000_000  # of a training set


class Batch(NamedTuple):
    """Examples: inputs (n, ...) and targets (n,).

    Where the network has C > 1 outputs, targets are classes from 0 to C - 1, int64. Where it has one (C = 1), as on the
    task xor, they are the floats -1 and 1, and the output's sign is the answer. Methods and metrics meet both.
    """

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Optimizer(ABC):
    """Turns gradients into new parameters, element by element.

    Because it is elementwise, one call serves a single replica and a stack of replicas alike, and it may update the
    parameters and the state it is given in place: the caller hands them over.
    """

    lr: float
    weight_decay: float = 0.0
    decoupled: ClassVar[bool]  #: weight decay shrinks the parameters beside the gradient step, not through the gradient

    @abstractmethod
    def init(self, params: Params) -> State:
        """The state before the first update."""

    @abstractmethod
    def update(self, params: Params, grads: Params, state: State) -> tuple[Params, State]:
        """One update; the arguments must not be used afterwards."""


def _not_yet(trained: Params) -> Params:
    """A second gradient is of the step's whole objective, which its own phases cannot ask for."""
    raise ValueError("grad_at can be called in transform and project, not in perturb and penalty")


class Local(NamedTuple):
    """The network linearized at a batch, shared by the loss and every penalty."""

    outputs: Tensor  #: (n, C); C is 1 where the targets are -1 and 1, see `Batch`
    #: cotangents (n, C) -> input gradients (n, ...), shaped like the inputs: v_i^T J_{x_i} for each row. For a norm of
    #: each, `flatten(1)` first: an image has three axes of its own
    pullback: Callable[[Tensor], Tensor]


def linearize(forward: Callable[[Tensor], Tensor], inputs: Tensor) -> Local:
    """The outputs of a function of inputs (n, ...), and its pullback; both can be differentiated again."""
    outputs, pull, *_ = torch.func.vjp(forward, inputs)
    return Local(outputs, lambda cotangents: pull(cotangents)[0])


@dataclass(frozen=True, kw_only=True)
class At:
    """Where a phase stands: everything it may look at. `step` and `epoch` are tensors, since schedules must be."""

    params: Params
    batch: Batch  #: as it was drawn, neither embedded nor perturbed
    key: Tensor  #: (): of this seed, epoch, step and method; fold it once per purpose
    step: Tensor  #: (): updates completed
    epoch: Tensor  #: (): epochs completed
    lr: float  #: of the task's own optimizer, also where a method's `optimizer` phase has changed it
    weight_decay: float  #: the task's own, likewise
    decoupled: bool  #: whether the task's weight decay stands beside the gradient (AdamW) or inside it (SGD with L2)
    roles: Mapping[str, Role]  #: of `params`
    input_bounds: tuple[float, float] | None  #: of valid inputs; None where there are none
    facts: Mapping[str, Any]  #: of the task, such as "cross_entropy"
    forward: Callable[[Tensor], Tensor]  #: embedded inputs (n, ...) -> outputs (n, C), the parameters held fixed
    loss: Loss  #: the task's own
    correct: Correct  #: the task's own
    outputs: Tensor | None = None  #: (n, C): of this step's batch before the update; None in perturb and penalty
    # trained parameters -> the gradient there of this step's loss and penalties, with the same batch and draws. For
    # methods with the privilege "extra_gradients", in transform and project; elsewhere it raises ValueError
    grad_at: Callable[[Params], Params] = _not_yet


@dataclass(frozen=True, kw_only=True)
class Regularizer:
    """What a method adds to plain training. A phase that is None is not there, and costs nothing.

    The phases get the parameters that are trained: a task may freeze some.
    """

    prepare: Callable[[Params, "Task", Tensor], Params] | None = None  #: (params, task, key), once; its time is charged
    init: Callable[[Params], State] | None = None  #: the state shared by the phases below
    perturb: Callable[[Batch, State, At], Batch] | None = None  #: what the network gets, after `Task.embed`
    objective: Callable[[Loss], Loss] | None = None  #: wraps or replaces the loss that is trained on
    penalty: Callable[[Local, State, At], Tensor] | None = None  #: -> (), added to the loss
    transform: Callable[[Params, State, At], tuple[Params, State]] | None = None  #: gradients, before the optimizer
    optimizer: Callable[[Optimizer], Optimizer] | None = None  #: wraps or replaces the task's own
    project: Callable[[Params, State, At], tuple[Params, State]] | None = None  #: parameters, after the optimizer
    privileges: frozenset[Privilege] = frozenset()  #: what it uses that the baseline does not have
    neutral: Mapping[str, Any] | None = None  #: parameters at which it is the baseline
    facts: tuple[str, ...] = ()  #: the facts it asks of a task; a task without them refuses it
    rotates: bool = False  #: commutes with rotations of the inputs, under SGD: may be trained in fewer, rotated ones
    revision: int = 1  #: raise it when the numbers change


@dataclass(frozen=True, kw_only=True)
class Task:
    """A supervised problem, its network and its training recipe, for one replica.

    Draws are made in float64 and cast by the engine, so that float32 and float64 runs start from the same numbers.
    """

    splits: Callable[[Tensor], dict[str, Batch]]  #: key -> this replica's own data
    fetch: Callable[[], object] | None = None  #: makes the data files be there, or raises DataError; called first
    shared: Callable[[torch.device], dict[str, Batch]] | None = None  #: data that is the same for every replica
    split_names: tuple[str, ...] = ("train", "test")  #: what the two above provide together
    train_size: int  #: examples of the split "train"
    init: Callable[[Tensor], Params]  #: key -> the parameters before training
    embed: Callable[[Params, Tensor], Tensor] | None = None  #: inputs as drawn -> as Jacobians see them: pixels
    forward: Callable[[Params, Tensor], Tensor]  #: inputs (n, ...), embedded -> outputs (n, C)
    frozen: frozenset[str] = frozenset()  #: parameters that are never updated
    loss: Loss
    correct: Correct  #: which examples count as right, for accuracies
    optimizer: Optimizer  #: with its settings; a method's `optimizer` phase may wrap or replace it
    batch_size: int | None = None  #: None: full batch. The last, smaller batch of an epoch is trained on too
    epochs: int  #: the budget
    evaluate_every: int = 1  #: epochs
    grokked: Mapping[str, str]  #: metric label -> condition: every one of them must hold at one evaluation
    stop: str | int = "grokked"  #: "grokked", "budget", or an int: when the criterion held for so many evaluations
    roles: Mapping[str, Role]  #: of every parameter
    input_bounds: tuple[float, float] | None = None  #: of embedded inputs
    evaluate_examples: int | None = None  #: at once, at evaluations: bounds their memory. None: all of a split
    activations: int = 0  #: numbers kept for the gradient of one example, where they outweigh the rest: bounds a group
    facts: Mapping[str, Any] = field(default_factory=dict)  #: asked for by methods and metrics: its "modulus", ...
    full: "Task | None" = None  #: itself with `rotate=False`: for seconds, and for methods that do not rotate
    revision: int = 1  #: raise it when the numbers change

    @property
    def full_batch(self) -> bool:
        """Whether an epoch is one step over the whole training set."""
        return self.batch_size is None or self.batch_size >= self.train_size

    @property
    def steps(self) -> int:
        """Updates in an epoch; the last, smaller batch is one."""
        return 1 if self.full_batch else -(-self.train_size // (self.batch_size or 1))

    def embedded(self, params: Params, inputs: Tensor) -> Tensor:
        """Inputs (n, ...) as the network and its Jacobians see them: as they were drawn, unless the task embeds."""
        return self.embed(params, inputs) if self.embed else inputs

    def outputs(self, params: Params, inputs: Tensor) -> Tensor:
        """The network's outputs (n, C) at inputs (n, ...) as they were drawn."""
        return self.forward(params, self.embedded(params, inputs))

    def trained(self, params: Params) -> Params:
        """The parameters without the frozen ones."""
        return {name: p for name, p in params.items() if name not in self.frozen}

    def __post_init__(self) -> None:
        """Refuse what cannot be trained; a factory passes the ValueError or TypeError on to the user."""
        self._refuse_sizes()
        for name in ("epochs", "evaluate_every"):
            if not is_count(value := getattr(self, name)):
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not (self.stop in ("grokked", "budget") or is_count(self.stop)):
            ways = "'grokked', 'budget', or for how many evaluations, at least 1, the criterion has to hold"
            raise ValueError(f"stop must be {ways}, got {self.stop!r}")
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError("optimizer is none of grokbench's, expected SGD(lr=...), AdamW(lr=...) or an Optimizer")
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
