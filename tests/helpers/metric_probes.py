"""Probes for metrics: of the small tasks before and after some training, of dead networks, and of invented ones."""

from dataclasses import replace

import torch
from torch.nn import functional as F

from grokbench import Batch, Probe, Task, random
from grokbench.optimizers import SGD
from grokbench.tasks import _losses

from .small_cells import replica, small, trained

MADE = {
    "splits": lambda key: {},
    "train_size": 1,
    "init": lambda key: {},
    "optimizer": SGD(lr=0.1),
    "epochs": 1,
    "grokked": {},
    "roles": {},
}


def probe_of(label, seed=0, **changes):
    """A probe of a small task before training."""
    task = small(label, **changes)
    own = random.fold(random.key(seed), "task")
    splits = task.splits(own) | (task.shared(torch.device("cpu")) if task.shared else {})
    return Probe(task.init(own), splits, task, random.key(seed))


def trained_probe(label, epochs, **changes):
    """A probe of a small task after some epochs."""
    probe = probe_of(label, **changes)
    group = trained(probe.task, [], (0, 1), epochs)
    return replace(probe, params=replica(group.params, 0), initial=probe.params)


def dead(probe):
    """The probe with all parameters zero."""
    zeros = {name: torch.zeros_like(p) for name, p in probe.params.items()}
    return Probe(zeros, probe.splits, probe.task, probe.key, zeros)


def normal(*shape, seed=0):
    """Standard normal numbers, float64."""
    return random.normal(random.key(seed), shape)


def made(forward, inputs, targets, params=None, **facts):
    """A probe of a network on one batch, which is both its training and its test data."""
    scalar = targets.is_floating_point()
    loss, correct = (
        (_losses.signed_error, _losses.sign_correct) if scalar else (_losses.cross_entropy, _losses.class_correct)
    )
    task = Task(**MADE | {"forward": forward, "loss": loss, "correct": correct} | facts)
    batch = Batch(inputs, targets)
    return Probe(params or {}, {"train": batch, "test": batch}, task, random.key(7))


def images(**facts):
    """A probe of a convolutional network with three outputs, on six images of two channels with pixels in [0, 1]."""
    params = {"filters": normal(4, 2, 3, 3, seed=1), "readout": normal(4 * 9, 3, seed=2)}

    def forward(params, x):
        return F.conv2d(x, params["filters"]).relu().flatten(1) @ params["readout"]

    def preactivations(params, x):
        return (F.conv2d(x, params["filters"]),)

    inputs = random.uniform(random.key(3), (6, 2, 5, 5))
    targets = torch.tensor([0, 1, 2, 0, 1, 2])
    facts = {"preactivations": preactivations} | facts
    return made(forward, inputs, targets, params, input_bounds=(0.0, 1.0), facts=facts)
