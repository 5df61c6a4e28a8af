"""The loop that a good JAX user would write: the training of one seed as a pure function, mapped over seeds, compiled.

The usual map is `vmap`. On a CPU, where the numbers of one seed stay in the cache, `lax.map` is often faster.

XLA compiles evaluations, epochs and batches into one program, fuses all elementwise work, and reuses the buffers of the
weights. The loop computes what the engine computes, from the same data and initialisation, in XOR's exact rotation too.
Batch orders and directions are JAX's own draws. As in the engine, the outputs of a full batch also serve the evaluation
before its step. It knows fully connected networks, the baseline and GrokAlign.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from torch.utils import _pytree as pytree

from benchmarks.cases import Case
from benchmarks.jax_parts import (
    Batch,
    Draws,
    JaxDraws,
    Params,
    Recipe,
    Splits,
    State,
    initial,
    lacks,
    recipe_of,
    update,
)
from grokbench import engine

__all__ = ["Loop", "lacks", "start"]

FLOOR = 1e-8  # of GrokAlign's squared norm before its root
STEPS_OF_A_CALL = 16  # at least; a call has one or more evaluations


def objective(recipe: Recipe, params: Params, batch: Batch, key: Array, step: Array) -> tuple[Array, Array]:
    """Compute the loss with its penalty, and the outputs; both share one pass."""
    inputs, targets = batch
    outputs, pullback = jax.vjp(partial(recipe.forward, params), inputs)
    total, settings = recipe.loss(outputs, targets), recipe.grokalign
    if not settings:
        return total, outputs
    square, projections = jnp.zeros(len(outputs), outputs.dtype), settings["projections"]
    for projection in range(projections):
        v = recipe.draws.directions(key, step, projection, outputs)
        (row,) = pullback(v / jnp.linalg.norm(v, axis=-1, keepdims=True))
        square = square + outputs.shape[-1] / projections * jnp.square(row).sum(-1)
    norm = jnp.sqrt(jnp.maximum(square, FLOOR)) if settings["norm"] == "frobenius" else square
    return total + settings["strength"] * norm.mean(), outputs


def train_step(recipe: Recipe, state: State, batch: Batch, key: Array) -> tuple[State, Array]:
    """Take a step; return also the outputs before it."""
    grads, outputs = jax.grad(partial(objective, recipe), has_aux=True)(state.params, batch, key, state.step)
    return update(recipe.optimizer, state, grads), outputs


def train_epoch(recipe: Recipe, state: State, train: Batch, key: Array) -> State:
    """Train all batches of an epoch; the last may be smaller."""
    (inputs, targets), size = train, recipe.batch_size
    steps, rest = divmod(len(targets), size)
    order = recipe.draws.order(key, state.step // (steps + bool(rest)), len(targets))

    def one(state: State, rows: Array) -> tuple[State, None]:
        return train_step(recipe, state, (inputs[rows], targets[rows]), key)[0], None

    state, _ = lax.scan(one, state, order[: steps * size].reshape(steps, size))
    return one(state, order[steps * size :])[0] if rest else state


def evaluate(recipe: Recipe, params: Params, splits: Splits, known: Mapping[str, Array]) -> Params:
    """Measure loss and accuracy on every split; `known` has outputs that were computed before."""
    values = {}
    for name, (inputs, targets) in splits.items():
        outputs = known[name] if name in known else recipe.forward(params, inputs)
        values[f"{name}_loss"] = recipe.loss(outputs, targets)
        values[f"{name}_accuracy"] = recipe.correct(outputs, targets).mean()
    return values


def span(recipe: Recipe, state: State, splits: Splits, key: Array) -> tuple[State, Params]:
    """Evaluate a seed, and train it until its next evaluation."""
    train, params, every = splits["train"], state.params, recipe.evaluate_every
    if recipe.batch_size < len(train[1]):
        later = lax.fori_loop(0, every, lambda _, state: train_epoch(recipe, state, train, key), state)
        return later, evaluate(recipe, params, splits, {})
    state, outputs = train_step(recipe, state, train, key)
    later = lax.fori_loop(1, every, lambda _, state: train_step(recipe, state, train, key)[0], state)
    return later, evaluate(recipe, params, splits, {"train": outputs})


@dataclass
class Loop:
    """The seeds of a case in training, by one compiled function.

    Attributes:
        state: of all seeds, stacked; a call overwrites it.
        call: (state) -> the state after some evaluations, and name -> values (seeds, evaluations).
        epochs: the epochs of a call.
        compiling: the seconds of the compilation.
    """

    state: State
    call: Callable[[State], tuple[State, Params]]
    epochs: int
    compiling: float

    def advance(self) -> dict[str, Any]:
        """Evaluate and train through one call; return name -> values on the host, (seeds, evaluations)."""
        self.state, values = self.call(self.state)
        read: dict[str, Any] = jax.device_get(values)
        jax.block_until_ready(self.state)
        return read


def start(case: Case, kind: str = "vmap", draws: Draws | None = None, keys: Array | None = None) -> Loop:
    """Initialise all seeds of a case, and compile their training.

    Args:
        case: with the precision float64 it needs `jax.enable_x64`.
        kind: "vmap" trains the seeds together, "map" one after the other in the compiled program.
        draws: random numbers; by default JAX's.
        keys: of the seeds, (seeds, ...), for `draws`.

    Raises:
        ValueError: the loop does not know the task or the method.
    """
    if why := lacks(case):
        raise ValueError(f"{case.name}: {why}")
    group, _ = engine.start(case.step, case.seeds, case.device, engine.DTYPES[case.precision])
    arrays = pytree.tree_map(lambda tensor: tensor.cpu().numpy(), (group.params, group.own, group.shared))
    device, precision = jax.devices(case.device.split(":")[0])[0], None if case.device == "cpu" else "highest"
    with jax.default_device(device), jax.default_matmul_precision(precision):  # else TensorFloat-32 on CUDA
        params, *splits = jax.tree.map(jnp.array, arrays)
        keys = jax.vmap(jax.random.key)(jnp.array(case.seeds)) if keys is None else keys
        return _compiled(recipe_of(case, draws or JaxDraws()), kind, params, splits, keys, case.step.task.steps)


def _compiled(recipe: Recipe, kind: str, params: Params, splits: Any, keys: Array, steps: int) -> Loop:
    """Compile the loop; `splits` are those of each seed and the shared ones, and an epoch has so many steps."""
    spans = -(-STEPS_OF_A_CALL // (steps * recipe.evaluate_every))

    def one(state: State, own: Splits, shared: Splits, key: Array) -> tuple[State, Params]:
        return lax.scan(lambda state, _: span(recipe, state, own | shared, key), state, length=spans)

    def all_seeds(state: State, own: Splits, shared: Splits, keys: Array) -> tuple[State, Params]:
        if kind == "vmap":
            return jax.vmap(one, in_axes=(0, 0, None, 0))(state, own, shared, keys)
        return lax.map(lambda seed: one(seed[0], seed[1], shared, seed[2]), (state, own, keys))

    began, state = time.perf_counter(), initial(recipe.optimizer, params)
    call = jax.jit(all_seeds, donate_argnums=0).lower(state, *splits, keys).compile()
    seconds = time.perf_counter() - began
    return Loop(state, lambda state: call(state, *splits, keys), spans * recipe.evaluate_every, seconds)
