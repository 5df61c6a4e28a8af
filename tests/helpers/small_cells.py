"""Small tasks, every method with settings of visible effect, and functions that train them."""

import torch

from grokbench import engine, random
from grokbench.conformance import short_runs, small_plugins
from grokbench.conformance.short_runs import distance, replica
from grokbench.events import Progress
from grokbench.metrics.standard import accuracy, loss
from grokbench.records import Cell, Recipe, Run, Use
from grokbench.regularizers import (
    baseline,
    clip_gradients,
    clip_to_grok,
    cosine,
    dropout,
    egd,
    gaussian_noise,
    gradient_noise,
    grokalign,
    grokfast,
    jacobian_level,
    l1,
    l2_to_init,
    label_smoothing,
    logit_temperature,
    lookahead,
    muon,
    neuralgrok,
    norm_sphere,
    orthograd,
    pgd_training,
    radial_suppression,
    sam,
    schedule_free,
    soap,
    spectral_decoupling,
    stablemax,
    warm_up,
    weight_average,
)
from grokbench.step.build import build_step
from grokbench.tasks import cifar10, mnist, modular_addition, modular_transformer, sparse_parity, xor

from . import oracle_accelerators, oracle_methods, oracle_optimizers, oracles

__all__ = ["distance", "replica"]  # defined in the program, used by many tests

FACTORIES = {
    factory.__name__: factory
    for factory in (
        *(xor.xor, sparse_parity.sparse_parity, modular_addition.modular_addition, mnist.mnist),
        modular_transformer.modular_transformer,
        cifar10.cifar10,
        *(baseline.baseline, baseline.placebo, grokfast.grokfast_ema, grokfast.grokfast_ma),
        *(orthograd.orthograd, grokalign.grokalign, jacobian_level.jacobian_level, clip_gradients.clip_gradients),
        *(gaussian_noise.gaussian_noise, pgd_training.pgd_training, norm_sphere.norm_sphere, stablemax.stablemax),
        *(logit_temperature.logit_temperature, label_smoothing.label_smoothing, dropout.dropout),
        *(spectral_decoupling.spectral_decoupling, radial_suppression.radial_suppression, l1.l1),
        *(l2_to_init.l2_to_init, gradient_noise.gradient_noise, clip_to_grok.clip_to_grok, neuralgrok.neuralgrok),
        *(muon.muon, egd.egd, soap.soap, schedule_free.schedule_free, sam.sam, lookahead.lookahead),
        *(weight_average.ema, weight_average.swa, cosine.cosine, warm_up.warm_up),
    )
}

MADE_OF = {  # label -> the oracle's loss and activation, of fully connected networks
    "xor": (oracles.signed_mse, torch.relu),
    "sparse_parity": (oracles.cross_entropy, torch.relu),
    "modular_addition": (oracles.cross_entropy, torch.square),
    "mnist": (oracles.cross_entropy, torch.relu),
    "mnist_mse": (oracles.one_hot_mse, torch.relu),
}

SMALL = {label: (FACTORIES[use], parameters) for label, (use, parameters) in small_plugins.TASKS.items()}
TASKS = {label: (*SMALL[label], *made_of) for label, made_of in MADE_OF.items()}
METHODS = {label: (FACTORIES[use], parameters) for label, (use, parameters) in small_plugins.METHODS.items()}
ORACLES = (
    oracle_methods.METHODS | oracle_accelerators.METHODS | oracle_optimizers.METHODS
)  # name of a factory -> the oracle
PLAIN = oracle_methods.METHODS | oracle_optimizers.METHODS


def epochs_for(task, steps=8):
    """The epochs with this number of steps: by default several epochs, and more than the memory of every method."""
    return short_runs.epochs_for(task, steps)


def small(label, **changes):
    """A small task."""
    factory, parameters = SMALL[label]
    return factory(**(parameters | changes))


def method(label):
    """A method with settings of visible effect."""
    factory, parameters = METHODS[label]
    return factory(**parameters)


def pairs(labels):
    """Every one of these small tasks with every method whose required facts it has."""
    return [(label, name) for label in labels for name in METHODS if set(method(name).facts) <= set(small(label).facts)]


def spread(labels, each=1):
    """Every one of these small tasks with the baseline, and every method with `each` of them, in turn."""
    found = [(label, "baseline") for label in labels]
    for number, name in enumerate(METHODS):
        able = [label for label, other in pairs(labels) if other == name]
        found += [(able[(number + step * len(able) // each) % len(able)], name) for step in range(each)]
    return list(dict.fromkeys(found))


def plain(label, methods, seed, epochs, task=None):
    """The oracle's run of a small task, or of `task`: parameters at the end, and the evaluations."""
    _, _, loss_, activation = TASKS[label]
    made = [ORACLES[METHODS[name][0].__name__](**METHODS[name][1]) for name in methods]
    return oracles.plain_run(task or small(label), loss_, activation, made, seed, epochs)


def make_step(task, regularizers=(), **facts):
    """The step that records loss and accuracy on every split."""
    metrics = {f"{s}_{m.__name__}": m(s) for s in task.split_names for m in (loss, accuracy)}
    return build_step(task, regularizers, metrics | facts.pop("metrics", {}), task.grokked, **facts)


def make_cell(task, epochs, *, evaluate_every=1, stop="budget", grokked=None):
    """A cell with the fields that the engine reads."""
    recipe = Recipe(task=Use("task", {}), grokked=grokked or dict(task.grokked), stop=stop)
    return Cell("task", "method", "identity", recipe, epochs, evaluate_every, {})


def train_events(task, regularizers, seeds, epochs, *, step=None, dtype=torch.float64, **facts):
    """Every replica's run, in the order of the seeds, with the events of progress in between."""
    step = step or make_step(task, regularizers)
    events = list(engine.train(make_cell(task, epochs, **facts), step, seeds, "cpu", dtype))
    runs = sorted((event for event in events if isinstance(event, Run)), key=lambda run: list(seeds).index(run.seed))
    return runs, [event for event in events if isinstance(event, Progress)]


def train_runs(task, regularizers, seeds, epochs, **facts):
    """Every replica's run, in the order of the seeds."""
    return train_events(task, regularizers, seeds, epochs, **facts)[0]


def trained(task, regularizers, seeds, epochs, dtype=torch.float64):
    """The group of these seeds after some epochs, without evaluations."""
    return short_runs.trained(make_step(task, regularizers), seeds, epochs, dtype)


def stripes():
    """Noisy stripes in place of MNIST: 96 training and 64 test images, uint8, with every label."""

    def images(purpose, n):
        labels = torch.arange(n) % 10
        pixels = random.integers(random.fold(random.key(0), purpose), (n, 28, 28), 100)
        for row, label in enumerate(labels.tolist()):
            pixels[row, 2 * label : 2 * label + 3] += 150
        return pixels.to(torch.uint8), labels.to(torch.uint8)

    return *images("train", 96), *images("test", 64)


def photographs():
    """Noise in place of CIFAR-10: 64 training and 32 test images, uint8, with a bright square for every label."""

    def images(purpose, n):
        labels = torch.arange(n) % 10
        pixels = random.integers(random.fold(random.key(0), purpose), (n, 3, 32, 32), 150)
        for row, label in enumerate(labels.tolist()):
            pixels[row, label % 3, 3 * label : 3 * label + 4] += 100
        return pixels.to(torch.uint8), labels.to(torch.uint8)

    return *images("train", 64), *images("test", 32)


def corrupted(corruption, severity, root=None):
    """The test images of `photographs` in place of CIFAR-10-C: darker at every severity."""
    _, _, images, labels = photographs()
    return images // severity, labels
