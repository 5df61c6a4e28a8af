"""The loop that a good JAX user would write: the training of one seed as a pure function, mapped over seeds, compiled.

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
from benchmarks.jax_parts import ACTIVATIONS, LOSSES, Draws, JaxDraws, Params, State, forward, initial, update
from grokbench import engine

__all__ = ["Loop", "lacks", "start"]

FLOOR = 1e-8  # of GrokAlign's squared norm before its root
STEPS_OF_A_CALL = 16  # at least: a call has one evaluation or several

Split = tuple[Array, Array]  # inputs (n, d), targets (n,)


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


def objective(recipe: Recipe, params: Params, batch: Split, key: Array, step: Array) -> tuple[Array, Array]:
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


def train_step(recipe: Recipe, state: State, batch: Split, key: Array) -> tuple[State, Array]:
    """Take a step; return the outputs before it, too."""
    grads, outputs = jax.grad(partial(objective, recipe), has_aux=True)(state.params, batch, key, state.step)
    return update(recipe.optimizer, state, grads), outputs


def train_epoch(recipe: Recipe, state: State, train: Split, key: Array) -> State:
    """Train all batches of an epoch; the last may be smaller."""
    (inputs, targets), size = train, recipe.batch_size
    steps, rest = divmod(len(targets), size)
    order = recipe.draws.order(key, state.step // (steps + bool(rest)), len(targets))

    def one(state: State, rows: Array) -> tuple[State, None]:
        return train_step(recipe, state, (inputs[rows], targets[rows]), key)[0], None

    state, _ = lax.scan(one, state, order[: steps * size].reshape(steps, size))
    return one(state, order[steps * size :])[0] if rest else state


def evaluate(recipe: Recipe, params: Params, splits: Mapping[str, Split], known: Mapping[str, Array]) -> Params:
    """Measure loss and accuracy on every split; `known` has outputs that were computed before."""
    values = {}
    for name, (inputs, targets) in splits.items():
        outputs = known[name] if name in known else recipe.forward(params, inputs)
        values[f"{name}_loss"] = recipe.loss(outputs, targets)
        values[f"{name}_accuracy"] = recipe.correct(outputs, targets).mean()
    return values


def span(recipe: Recipe, state: State, splits: Mapping[str, Split], key: Array) -> tuple[State, Params]:
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
        call: (state) -> the state after some evaluations, and name -> values (evaluations, seeds).
        epochs: of a call.
        compiling: seconds.
    """

    state: State
    call: Callable[[State], tuple[State, Params]]
    epochs: int
    compiling: float

    def advance(self) -> dict[str, Any]:
        """Evaluate and train through one call; return name -> values on the host, (evaluations, seeds)."""
        self.state, values = self.call(self.state)
        read: dict[str, Any] = jax.device_get(values)
        jax.block_until_ready(self.state)
        return read


def start(case: Case, draws: Draws | None = None, keys: Array | None = None) -> Loop:
    """Initialise all seeds of a case, and compile their training.

    Args:
        case: with the precision float64 it needs `jax.enable_x64`.
        draws: random numbers; by default JAX's.
        keys: of the seeds, (seeds, ...), for `draws`.

    Raises:
        ValueError: the loop does not know the task or the method.
    """
    if why := lacks(case):
        raise ValueError(f"{case.name}: {why}")
    group, _ = engine.start(case.step, case.seeds, case.device, engine.DTYPES[case.precision])
    arrays = pytree.tree_map(lambda tensor: tensor.cpu().numpy(), (group.params, group.splits))
    axes, recipe = dict(group.split_axes), recipe_of(case, draws or JaxDraws())
    device, precision = jax.devices(case.device.split(":")[0])[0], None if case.device == "cpu" else "highest"
    with jax.default_device(device), jax.default_matmul_precision(precision):  # else TensorFloat-32 on CUDA
        params, splits = jax.tree.map(jnp.array, arrays)
        keys = jax.vmap(jax.random.key)(jnp.array(case.seeds)) if keys is None else keys
        return _compiled(recipe, initial(recipe.optimizer, params), splits, axes, keys, case.step.task.steps)


def _compiled(recipe: Recipe, state: State, splits: Any, axes: Any, keys: Array, steps: int) -> Loop:
    """Compile the loop for seeds with splits that have, or share, their axes; an epoch has so many steps."""
    mapped = jax.vmap(partial(span, recipe), in_axes=(0, axes, 0))
    spans = -(-STEPS_OF_A_CALL // (steps * recipe.evaluate_every))

    def several(state: State, splits: Any, keys: Array) -> tuple[State, Params]:
        return lax.scan(lambda state, _: mapped(state, splits, keys), state, length=spans)

    began = time.perf_counter()
    call = jax.jit(several, donate_argnums=0).lower(state, splits, keys).compile()
    seconds = time.perf_counter() - began
    return Loop(state, lambda state: call(state, splits, keys), spans * recipe.evaluate_every, seconds)
