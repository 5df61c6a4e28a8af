"""Small tasks, every method with settings that show, and short ways to train them."""

import torch

from grokbench import engine
from grokbench.metrics.standard import accuracy, loss
from grokbench.records import Cell, Progress, Run
from grokbench.regularizers import baseline, grokalign, grokfast, orthograd
from grokbench.step import build_step
from grokbench.tasks import mnist, modular_addition, sparse_parity, xor

from . import oracles

TASKS = {  # label -> factory, small parameters, the oracle's loss and activation
    "xor": (
        xor.xor,
        {"dimensions": 12, "width": 6, "samples": 20, "test_samples": 16, "epsilon": 0.5},
        oracles.signed_mse,
        torch.relu,
    ),
    "sparse_parity": (
        sparse_parity.sparse_parity,
        {"bits": 8, "relevant": 2, "samples": 40, "width": 7},
        oracles.cross_entropy,
        torch.relu,
    ),
    "modular_addition": (
        modular_addition.modular_addition,
        {"modulus": 7, "width": 6, "train_fraction": 0.45, "batch_size": 8},  # 22 examples: batches of 8, 8 and 6
        oracles.cross_entropy,
        torch.square,
    ),
    "mnist": (
        mnist.mnist,
        {"samples": 22, "test_samples": 20, "width": 6, "batch_size": 8, "init_scale": 2.0},
        oracles.cross_entropy,
        torch.relu,
    ),
    "mnist_mse": (
        mnist.mnist,
        {"loss": "mse", "samples": 22, "test_samples": 20, "width": 6, "batch_size": 8, "init_scale": 2.0},
        oracles.one_hot_mse,
        torch.relu,
    ),
}

METHODS = {  # label -> factory and settings
    "baseline": (baseline.baseline, {}),
    "placebo": (baseline.placebo, {"scale": 0.01}),
    "grokfast_ema": (grokfast.grokfast_ema, {"alpha": 0.8, "lamb": 0.5}),
    "grokfast_ma": (grokfast.grokfast_ma, {"window": 3, "lamb": 2.0}),
    "orthograd": (orthograd.orthograd, {}),
    "orthograd_text": (orthograd.orthograd, {"rescale": False, "scope": "global"}),
    "orthograd_decay": (orthograd.orthograd, {"project_decay": True}),
    "grokalign": (grokalign.grokalign, {"strength": 0.02}),
    "grokalign_frobenius": (grokalign.grokalign, {"strength": 0.1, "norm": "frobenius", "projections": 2}),
    "grokalign_exact": (grokalign.grokalign, {"strength": 0.02, "estimator": "exact"}),
    "grokalign_negative": (grokalign.grokalign, {"strength": -0.001}),
}


def small(label, **changes):
    """A small task."""
    factory, parameters, _, _ = TASKS[label]
    return factory(**(parameters | changes))


def method(label):
    """A method with settings that show."""
    factory, parameters = METHODS[label]
    return factory(**parameters)


def plain(label, methods, seed, epochs):
    """The oracle's run of a small task: parameters at the end, and the evaluations."""
    _, _, loss_, activation = TASKS[label]
    made = [oracles.METHODS[METHODS[name][0].__name__](**METHODS[name][1]) for name in methods]
    return oracles.plain_run(small(label), loss_, activation, made, seed, epochs)


def epochs_for(task, steps=20):
    """Epochs that make at least so many updates."""
    return -(-steps // -(-task.train_size // (task.batch_size or task.train_size)))


def make_step(task, regularizers=(), **facts):
    """The step that records loss and accuracy on every split."""
    metrics = {f"{s}_{m.__name__}": m(s) for s in task.split_names for m in (loss, accuracy)}
    return build_step(task, regularizers, metrics | facts.pop("metrics", {}), task.grokked, **facts)


def make_cell(task, epochs, *, evaluate_every=1, stop="budget", grokked=None):
    """A cell as far as the engine looks at it."""
    recipe = {"grokked": grokked or dict(task.grokked), "stop": stop}
    return Cell("task", "method", "identity", recipe, epochs, evaluate_every, {})


def train_events(task, regularizers, seeds, epochs, *, step=None, dtype=torch.float64, **facts):
    """Every replica's run, in the order of the seeds, and the progress on the way."""
    step = step or make_step(task, regularizers)
    events = list(engine.train(make_cell(task, epochs, **facts), step, seeds, "cpu", dtype))
    runs = sorted((event for event in events if isinstance(event, Run)), key=lambda run: list(seeds).index(run.seed))
    return runs, [event for event in events if isinstance(event, Progress)]


def train_runs(task, regularizers, seeds, epochs, **facts):
    """Every replica's run, in the order of the seeds."""
    return train_events(task, regularizers, seeds, epochs, **facts)[0]


def trained(task, regularizers, seeds, epochs, dtype=torch.float64):
    """The group of those seeds after so many epochs, without evaluations."""
    step = make_step(task, regularizers)
    group, _ = engine.start(step, seeds, "cpu", dtype)
    for epoch in range(epochs):
        group = engine.train_epoch(step, group, epoch)
    return group


def replica(params, row):
    """The parameters of one replica of a stack."""
    return {name: p[row] for name, p in params.items()}


def distance(left, right):
    """The largest difference of two dicts of tensors, relative to the largest entry."""
    assert list(left) == list(right)
    scale = max(float(p.abs().max()) for p in right.values())
    return max(float((left[name] - right[name]).abs().max()) for name in left) / (scale or 1.0)
