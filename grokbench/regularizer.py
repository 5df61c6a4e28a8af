"""A regularizer: the phases that a method adds to a task's training."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from grokbench.at import At, about
from grokbench.task import Task
from grokbench.types import Batch, Local, Loss, Optimizer, Params, Role, State
from grokbench.validation import is_count

__all__ = ["Need", "Privilege", "Regularizer", "positional", "takes_about"]

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
Need = Literal["budget", "train"]


@dataclass(frozen=True, kw_only=True)
class Regularizer:
    """The functions, called phases, that a method adds to a task's training. A phase that is None costs nothing.

    Every phase handles ONE replica: its tensors have no axis for seeds. All but `prepare`, `objective`, `claims` and
    `optimizer` are mapped over replicas by `torch.func.vmap`, so they must be pure, draw only from `At.key`, and
    neither branch on a tensor nor call `.item()`. Parameters and gradients are dicts without the task's frozen
    parameters; a phase returns them with the same names in the same order, and the same shapes, dtypes and device. The
    phases of a step run in the order below. If a suite combines methods, each phase runs for all of them, in the order
    of the suite, before the next phase begins. `grokbench check` tests these rules. An error that a phase raises fails
    the replica, and the run records the traceback.

    Attributes:
        prepare: (params, task, train, key ()) -> params. Called once per replica, before training; its seconds are
            charged to the method. `train` is the replica's own training set, a `Batch` with inputs not yet embedded.
        init: params -> state, or (params, about) -> state, where `about` is the replica's `About`. The state is a
            NamedTuple of tensors and of dicts of tensors. Called once per replica, after prepare. Shapes, dtypes and
            names in the state must not change later. None: the state is ().
        perturb: (batch, state, at) -> `Batch` of the same shapes. Called in every step, before the forward pass; the
            inputs are embedded (`Task.embed`). The network and the loss get the returned batch.
        hidden: (h, site, state, at) -> h of the same shape. Called only in training, at every named site of the task's
            hidden activations (n, ...). Dropout is an example. A method with this phase is refused on a task without
            sites.
        hidden_always: (h, site) -> h of the same shape. Called wherever the network is evaluated, as a part of the
            architecture.
        objective: loss -> loss, where a loss maps (outputs (n, C), targets (n,)) -> (). Called once, when the step is
            built. Wraps or replaces the training loss; the metric `loss` stays the task's loss.
        penalty: (local, state, at) -> (), added to the loss and differentiated with it. Called in every step. The
            `Local` is the network linearized at the perturbed batch.
        transform: (grads, state, at) -> (grads, state). Called in every step, before the optimizer; `grads` are the
            gradients of the loss with its penalties.
        rate: at -> (), a factor of the optimizer's learning rate in this step, as for a warm-up or a cosine schedule.
            The factor multiplies the update. This is exact if the optimizer's update is linear in the learning rate, as
            it is for all shipped optimizers.
        claims: (roles, shapes) -> names of the parameters that `update` updates instead of the task's optimizer. The
            result must depend only on the arguments; the function may be called many times.
        update: (params, grads, state, at) -> (params, state), where `params` and `grads` hold only the claimed
            parameters. Called in every step. The task's weight decay does not act on claimed parameters: a method with
            weight decay applies `at.weight_decay` itself.
        optimizer: `Optimizer` -> `Optimizer`. Called once, when the step is built. Wraps or replaces the task's
            optimizer. The engine applies the result to stacked replicas, so it must be elementwise.
        project: (params, state, at) -> (params, state). Called in every step, after the optimizer, with the updated
            parameters; `at.params` holds the parameters before the update.
        eval_params: (params, state) -> the params that evaluations and the criterion use, such as averaged weights.
            Called at every evaluation. Two methods with this phase cannot be combined.
        every: phase -> k: the phase runs only in steps 0, k, 2 k, ..., and costs nothing in other steps. Allowed for
            perturb, penalty, transform, update and project. Empty by default.
        reserve: the share of the training set kept for the method as `At.reserved`, at least 0 and below 1. In batches,
            each reserved example is replaced by another example, drawn once per replica. 0 by default.
        needs: which of the properties "budget" and "train" of `At` the method reads. Empty by default.
        mapped: False for code that cannot be mapped over replicas, because it branches on tensors or reads their
            values. The method's replicas are then trained one by one, which is slower, and its rows are marked. True by
            default.
        privileges: names of what the method uses beyond the baseline; the leaderboard prints them. Any of
            "extra_labels", "test_accuracy", "second_model", "extra_gradients", "prior_knowledge", "averaged_weights",
            "loss" and "architecture". `eval_params` implies "averaged_weights", and `hidden_always` "architecture".
            Empty by default.
        neutral: values of the factory's parameters at which the method equals the baseline, such as {"strength": 0.0};
            `grokbench check` tests this. None: there are no such values.
        inert: names of parameters that may have no effect in the first 50 steps of training, such as the length of a
            warm-up: parameters of the factory, or "lr" and "weight_decay" of the task. For these, `grokbench check`
            gives no hint that they have no effect. Empty by default.
        facts: names that the task's `facts` must contain; a suite that plans the method on another task is refused.
            Empty by default.
        refuses: task -> why the method cannot be trained on it, such as "it has no hidden matrix"; None or empty if it
            can. A suite that plans the method on such a task is refused. None: no task is refused.
        rotates: True if the method commutes with rotations of the inputs under SGD; a task such as xor is then trained
            in fewer, rotated coordinates. False by default.
        revision: increase it when the numbers change: stored runs of another revision are not reused. 1 by default.
    """

    prepare: Callable[[Params, Task, Batch, Tensor], Params] | None = None
    init: Callable[..., State] | None = None
    perturb: Callable[[Batch, State, At], Batch] | None = None
    hidden: Callable[[Tensor, str, State, At], Tensor] | None = None
    hidden_always: Callable[[Tensor, str], Tensor] | None = None
    objective: Callable[[Loss], Loss] | None = None
    penalty: Callable[[Local, State, At], Tensor] | None = None
    transform: Callable[[Params, State, At], tuple[Params, State]] | None = None
    rate: Callable[[At], Tensor] | None = None
    claims: Callable[[Mapping[str, Role], Mapping[str, tuple[int, ...]]], Any] | None = None
    update: Callable[[Params, Params, State, At], tuple[Params, State]] | None = None
    optimizer: Callable[[Optimizer], Optimizer] | None = None
    project: Callable[[Params, State, At], tuple[Params, State]] | None = None
    eval_params: Callable[[Params, State], Params] | None = None
    every: Mapping[str, int] = field(default_factory=dict)
    reserve: float = 0.0
    needs: frozenset[Need] = frozenset()
    mapped: bool = True
    privileges: frozenset[Privilege] = frozenset()
    neutral: Mapping[str, Any] | None = None
    inert: Collection[str] = frozenset()
    facts: tuple[str, ...] = ()
    refuses: Callable[[Task], str | None] | None = None
    rotates: bool = False
    revision: int = 1

    def __post_init__(self) -> None:
        """Refuse a contradictory record; a factory passes the ValueError on to the user."""
        if (self.claims is None) != (self.update is None):
            raise ValueError("claims and update belong together: give both, or neither")
        implied = {privilege for phase, privilege in IMPLIED.items() if getattr(self, phase)}
        if implied and not isinstance(self.privileges, str):
            object.__setattr__(self, "privileges", frozenset(self.privileges) | implied)
        if not 0.0 <= self.reserve < 1.0:
            raise ValueError(f"reserve must be at least 0 and below 1, got {self.reserve}")
        for phase, k in self.every.items():
            if phase not in PERIODIC or getattr(self, phase) is None:
                have = ", ".join(each for each in PERIODIC if getattr(self, each)) or "none"
                text = "expected phases of this method that need not run in every step"
                raise ValueError(f"the argument `every` has the key {phase!r}, {text}: {have}")
            if not is_count(k):
                raise ValueError(f"every[{phase!r}] must be a whole number of at least 1, got {k!r}")

    def initial_state(self, trained: Params, task: Task, key: Tensor) -> State:
        """Call `init`, with the `About` of the replica if it takes two arguments.

        Args:
            trained: the trained parameters of one replica.
            task: the task that the parameters belong to.
            key: (), the key of the seed and the method.
        """
        if self.init is None:
            return ()
        return self.init(trained, about(trained, task, key)) if takes_about(self.init) else self.init(trained)


def takes_about(init: Callable[..., State]) -> bool:
    """Return whether `Regularizer.init` takes `about` after `params`; keywords that a partial fills do not count."""
    return len(positional(init, "about")) > 1


def positional(function: Callable[..., Any], *optional: str) -> list[str]:
    """List the parameters without defaults that a function takes by position.

    Args:
        function: the function. For a function without a signature, such as some builtins, the list is empty.
        optional: names of parameters that are listed although they have defaults.
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    given = [each for each in parameters if each.default is each.empty or each.name in optional]
    return [each.name for each in given if each.kind in kinds]


IMPLIED: Mapping[str, Privilege] = {"eval_params": "averaged_weights", "hidden_always": "architecture"}
PERIODIC = ("perturb", "penalty", "transform", "update", "project")  # phases that `every` may name
