"""GrokTransfer: Xu, Ni et al., "Let me grok for you: accelerating grokking via embedding transfer", 2025, 2504.13292.

A network of `width` hidden units is trained until it generalises a little; its first matrix A, (inputs, width),
initialises the target's: E_T = A B, B normal of (width, target's width), scaled so that ||E_T|| is the norm that the
target's first matrix had: a larger start alone would delay or hasten grokking.

The target then trains E_T itself; the authors train A and B. The authors watch test accuracy; here a fifth of the
replica's own training set is held out to judge the small network, and no test data is seen.
"""

from functools import partial

import torch

from grokbench import Batch, Params, Regularizer, Task, hookimpl, random


def groktransfer(width: int = 32, accuracy: float = 0.3, steps: int = 1000) -> Regularizer:
    """Initialise the first matrix from a network of `width` units, trained to a held-out `accuracy` or for `steps`.

    Raises:
        ValueError: `width` or `steps` is below 1.
    """
    if width < 1 or steps < 1:
        raise ValueError(f"width and steps must be at least 1, got {width} and {steps}")
    transfer = partial(prepare, width=width, accuracy=accuracy, steps=steps)
    return Regularizer(prepare=transfer, privileges=frozenset({"second_model"}), facts=("modulus",), refuses=refuses)


def refuses(task: Task) -> str | None:
    """Refuse a task whose network has other parameters than a first matrix and a readout."""
    two = sorted(task.roles.values()) == ["input", "readout"]
    return None if two else f"it needs a network of two matrices, as modular_addition's, got {dict(task.roles)}"


def prepare(params: Params, task: Task, train: Batch, key: torch.Tensor, *, width: int, accuracy: float, steps: int):
    """Train the small network with the task's optimizer, full batch, and transfer its first matrix."""
    first = next(name for name, role in task.roles.items() if role == "input")
    small = train_small(narrow(params, task, width), task, train, key, accuracy=accuracy, steps=steps)
    shape = (small[first].shape[1], params[first].shape[1])
    product = small[first] @ random.normal(random.fold(key, "B"), shape, params[first].dtype)
    embedding = product * (params[first].norm() / product.norm().clamp_min(1e-12))
    return {name: embedding if name == first else p for name, p in params.items()}


def narrow(params: Params, task: Task, width: int) -> Params:
    """Keep the first `width` hidden units of the target's initialisation, the readout rescaled to its new fan-in."""
    small = {}
    for name, p in params.items():
        if task.roles[name] == "input":
            small[name] = p[:, :width].clone()
        else:
            small[name] = p[:width] * (p.shape[0] / min(width, p.shape[0])) ** 0.5
    return small


def train_small(small: Params, task: Task, train: Batch, key: torch.Tensor, *, accuracy: float, steps: int) -> Params:
    """Train on four fifths of the training set until the rest is classified with `accuracy`; at most `steps`."""
    n = train.targets.shape[0]
    order = random.permutation(random.fold(key, "held out"), n)
    held, kept = order[: n // 5], order[n // 5 :]

    def loss(p):
        return task.loss(task.outputs(p, train.inputs[kept]), train.targets[kept])

    state = task.optimizer.init(small)
    for step in range(steps):
        grads = torch.func.grad(loss)(small)
        small, state = task.optimizer.update(small, grads, state)
        if step % 10 == 9:
            right = task.correct(task.outputs(small, train.inputs[held]), train.targets[held])
            if right.double().mean() >= accuracy:
                break
    return small


@hookimpl
def grokbench_regularizers():
    yield groktransfer
