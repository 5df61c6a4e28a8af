"""Inputs of a phase, made by hand: parameters, a batch, a network, and `At`."""

import torch
from torch.func import vjp

from grokbench import At, Batch, Local
from grokbench.tasks import _losses

from .oracles import Net

DOUBLE = dict(rtol=1e-12, atol=1e-13)


def normals(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters(seed=0):
    shapes = {"weight1": (5, 4), "bias1": (4,), "weight2": (4, 3)}
    return {name: normals(*shape, seed=seed + number) for number, (name, shape) in enumerate(shapes.items())}


def at(params, step=0, decay=0.0, decoupled=True, key=None, **seen):
    zero = torch.zeros((), dtype=torch.int64)
    batch = Batch(normals(6, 5), torch.zeros(6))
    facts = dict(lr=0.1, weight_decay=decay, decoupled=decoupled, roles={}, input_bounds=None)
    task = dict(facts={}, forward=Net(params), loss=_losses.cross_entropy, correct=_losses.class_correct)
    now = dict(key=zero if key is None else key, step=zero + step, epoch=zero)
    return At(**{**dict(params=params, batch=batch, **facts, **task, **now), **seen})


def flat(params):
    return torch.cat([p.flatten() for p in params.values()])


def network(outputs, seed=0):
    """A ReLU network's parameters, its module, and a batch."""
    params = {"weight1": normals(5, 8, seed=seed), "bias1": normals(8, seed=1), "weight2": normals(8, outputs, seed=2)}
    return params, Net(params), normals(6, 5, seed=3)


def local_of(params, inputs):
    outputs, pull = vjp(lambda x: torch.relu(x @ params["weight1"] + params["bias1"]) @ params["weight2"], inputs)
    return Local(outputs, lambda cotangents: pull(cotangents)[0])
