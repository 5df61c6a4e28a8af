"""The networks, losses, optimizers and random numbers of the JAX loop, and which of them a case needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from benchmarks.cases import Case

__all__ = [
    "Batch",
    "Draws",
    "JaxDraws",
    "Params",
    "Recipe",
    "Splits",
    "State",
    "forward",
    "initial",
    "lacks",
    "recipe_of",
    "update",
]

Params = dict[str, Array]
Batch = tuple[Array, Array]  # inputs (n, d), targets (n,)
Splits = dict[str, Batch]


class Draws(Protocol):
    """The source of a seed's random numbers; `key` is the seed's own."""

    def order(self, key: Array, epoch: Array, n: int) -> Array:
        """Return the order of the training examples, (n,), after `epoch` completed epochs."""

    def directions(self, key: Array, step: Array, projection: int, outputs: Array) -> Array:
        """Return normal numbers in the shape of the outputs, (n, C), after `step` completed steps."""


class JaxDraws:
    """JAX's random numbers."""

    def order(self, key: Array, epoch: Array, n: int) -> Array:
        return jax.random.permutation(jax.random.fold_in(jax.random.fold_in(key, 0), epoch), n)

    def directions(self, key: Array, step: Array, projection: int, outputs: Array) -> Array:
        key = jax.random.fold_in(jax.random.fold_in(key, 1 + projection), step)
        return jax.random.normal(key, outputs.shape, outputs.dtype)


class State(NamedTuple):
    """One seed in training, or a stack of seeds.

    Attributes:
        params: weights (fan_in, fan_out) and biases.
        moments: AdamW's means of the gradient and of its square; empty for SGD.
        step: completed steps, ().
    """

    params: Params
    moments: tuple[Params, ...]
    step: Array


def forward(activation: Callable[[Array], Array], params: Params, inputs: Array) -> Array:
    """Compute the outputs (n, C) of a fully connected network."""
    depth, hidden = sum(name.startswith("weight") for name in params), inputs
    for layer in range(1, depth + 1):
        hidden = hidden @ params[f"weight{layer}"]
        hidden = hidden + params[f"bias{layer}"] if f"bias{layer}" in params else hidden
        hidden = activation(hidden) if layer < depth else hidden
    return hidden


ACTIVATIONS = {"sparse_parity": jax.nn.relu, "modular_addition": jnp.square, "mnist": jax.nn.relu, "xor": jax.nn.relu}


def one_hot(outputs: Array, targets: Array) -> Array:
    return jax.nn.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)


def cross_entropy(outputs: Array, targets: Array) -> Array:
    return -(one_hot(outputs, targets) * jax.nn.log_softmax(outputs)).sum(-1).mean()


def one_hot_error(outputs: Array, targets: Array) -> Array:
    return jnp.square(outputs - one_hot(outputs, targets)).mean()


def signed_error(outputs: Array, targets: Array) -> Array:
    return jnp.square(outputs[:, 0] - targets).mean()


def class_correct(outputs: Array, targets: Array) -> Array:
    return outputs.argmax(-1) == targets


def sign_correct(outputs: Array, targets: Array) -> Array:
    return jnp.sign(outputs[:, 0]) == targets


LOSSES: Mapping[str, tuple[Callable[[Array, Array], Array], Callable[[Array, Array], Array]]] = {
    "cross_entropy": (cross_entropy, class_correct),
    "mse": (one_hot_error, class_correct),
    "signed": (signed_error, sign_correct),
}


def initial(optimizer: Any, params: Params) -> State:
    """Return a stack of seeds before its first step."""
    moments = [{name: jnp.zeros_like(w) for name, w in params.items()} for _ in range(2 * optimizer.decoupled)]
    seeds = len(next(iter(params.values())))
    return State(params, tuple(moments), jnp.zeros(seeds, jnp.int32))


def update(optimizer: Any, state: State, grads: Params) -> State:
    """Take a step of AdamW, or of SGD with an L2 term and no momentum; `optimizer` is the engine's record."""
    o, params, step = optimizer, state.params, state.step + 1
    if not o.decoupled:
        return State({k: w - o.lr * (grads[k] + o.weight_decay * w) for k, w in params.items()}, (), step)
    (b1, b2), (mean, square) = o.betas, state.moments
    mean = {k: b1 * mean[k] + (1 - b1) * g for k, g in grads.items()}
    square = {k: b2 * square[k] + (1 - b2) * g * g for k, g in grads.items()}
    t = step.astype(next(iter(grads.values())).dtype)
    rate, scale = o.lr / (1 - b1**t), jnp.sqrt(1 - b2**t)
    moved = {k: rate * mean[k] / (jnp.sqrt(square[k]) / scale + o.eps) for k in params}
    return State({k: (1 - o.lr * o.weight_decay) * w - moved[k] for k, w in params.items()}, (mean, square), step)


@dataclass(frozen=True)
class Recipe:
    """The training of a case, without its numbers.

    Attributes:
        forward: (params, inputs) -> outputs.
        loss: (outputs, targets) -> the mean loss.
        correct: (outputs, targets) -> whether each example is classified correctly.
        optimizer: the engine's record of settings.
        batch_size: at most the number of examples.
        evaluate_every: epochs between evaluations.
        grokalign: its parameters; None for the baseline.
        draws: random numbers.
    """

    forward: Callable[[Params, Array], Array]
    loss: Callable[[Array, Array], Array]
    correct: Callable[[Array, Array], Array]
    optimizer: Any
    batch_size: int
    evaluate_every: int
    grokalign: Mapping[str, Any] | None
    draws: Draws


def lacks(case: Case) -> str | None:
    """Say why the loop cannot train a case; None if it can."""
    task, uses = case.cell.recipe.task.name, {use.name: use.parameters for use in case.cell.recipe.regularizers}
    if task not in ACTIVATIONS:
        return f"the JAX loop knows the tasks {', '.join(ACTIVATIONS)}, not {task}"
    if unknown := set(uses) - {"baseline", "grokalign"}:
        return f"the JAX loop knows baseline and grokalign, not {', '.join(sorted(unknown))}"
    if uses.get("grokalign", {}).get("estimator") == "exact":
        return "the JAX loop estimates the Jacobian's norm by projection, not exactly"
    return None


def recipe_of(case: Case, draws: Draws) -> Recipe:
    """Return the recipe of a case that the loop can train."""
    use, task = case.cell.recipe.task, case.step.task
    loss, correct = LOSSES["signed" if use.name == "xor" else use.parameters.get("loss", "cross_entropy")]
    return Recipe(
        forward=partial(forward, ACTIVATIONS[use.name]),
        loss=loss,
        correct=correct,
        optimizer=task.optimizer,
        batch_size=min(task.batch_size or task.train_size, task.train_size),
        evaluate_every=case.cell.evaluate_every,
        grokalign={use.name: use.parameters for use in case.cell.recipe.regularizers}.get("grokalign"),
        draws=draws,
    )
