"""Methods against independent implementations, over 20 steps of tall, wide and square matrices, to 1e-6.

torch.optim and torch.optim.swa_utils, pytorch_optimizer and numpy. Needs the extra `oracles`; `nox -s oracles` installs
it. Parts that an oracle computes in bfloat16 or float32 are computed in float64 for the comparison.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from grokbench.conformance import short_runs
from grokbench.engine.mapping import over_replicas
from grokbench.regularizers import cosine, egd, lookahead, muon, sam, schedule_free, soap, warm_up, weight_average

from .helpers import plain_loops
from .helpers.plain_loops import HIDDEN, adamw, looped, matrices, turned
from .helpers.small_cells import distance, make_step, replica, small

others = pytest.importorskip("pytorch_optimizer")

pytestmark = pytest.mark.oracles

SEEDS = (4, 1000)
CLOSE = 1e-6
TASK = matrices(plain_loops.squared)
DECAY = TASK.optimizer.weight_decay


def apart(method, optimizers, task=TASK, epochs=1, **how):
    """The largest relative difference of any weight between the engine and plain loops of two seeds."""
    group = short_runs.trained(make_step(task, [method], budget=epochs), SEEDS, epochs)
    loops = [looped(task, seed, optimizers, epochs, **how) for seed in SEEDS]
    return max(distance(replica(group.params, row), weights) for row, weights in enumerate(loops))


def evaluated(method, optimizers, task=TASK, epochs=1, means=None, **how):
    """The largest relative difference of any evaluated weight, from those of loops or from `means`."""
    step = make_step(task, [method])
    group, worst = short_runs.trained(step, SEEDS, epochs), 0.0
    averaged = over_replicas(step, step.evaluated)(group.params, group.states)
    for row, seed in enumerate(SEEDS):
        weights = looped(task, seed, optimizers, epochs, **how)
        assert distance(replica(averaged, row), replica(group.params, row)) > 1e-3
        worst = max(worst, distance(replica(averaged, row), turned(means()) if means else weights))
    return worst


class Wide:
    """The module torch, with another dtype under the names of the narrow ones."""

    bfloat16 = float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


# ---- Muon


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_is_torch_s(steps, nesterov, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    task = replace(TASK, roles={**TASK.roles, "kernel": "bias"})  # torch's class takes no kernels
    method = muon.muon(steps=steps, nesterov=nesterov, weight_decay=0.1, roles=("hidden", "readout"))

    def optimizers(weights):
        own = [p for p in weights.values() if p.ndim == 2]
        made = torch.optim.Muon(own, lr=0.02, weight_decay=0.1, nesterov=nesterov, ns_steps=steps)
        return [made, adamw(weights, task, ["kernel", "bias"])]

    assert apart(method, optimizers, task) < CLOSE


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_muon_with_kernels_is_pytorch_optimizer_s(decay, monkeypatch):
    from pytorch_optimizer.optimizer.muon import base

    wide = partial(base.zero_power_via_newton_schulz_5, dtype=torch.float64)
    monkeypatch.setattr(base, "zero_power_via_newton_schulz_5", wide)

    def optimizers(weights):
        hidden = {"params": [weights[name] for name in HIDDEN], "use_muon": True, "weight_decay": decay}
        return [others.Muon([hidden]), adamw(weights, TASK, ["readout", "bias"])]

    assert apart(muon.muon(weight_decay=decay), optimizers) < CLOSE


# ---- EGD


class Egalitarian:
    """Gradient descent with orthogonal factors by numpy."""

    def __init__(self, weights, orthogonal):
        self.weights, self.orthogonal = weights, orthogonal

    def step(self):
        for name, p in self.weights.items():
            g = p.grad.numpy() + (0.0 if name == "bias" else 1e-2 * p.detach().numpy())
            if name in self.orthogonal:
                U, s, Vh = np.linalg.svd(g.reshape(len(g), -1), full_matrices=False)
                g = (U @ np.diag(s / np.maximum(s, 1e-6)) @ Vh).reshape(g.shape)
            p.data -= 0.05 * torch.from_numpy(g)


def test_egd_is_numpy_s_decomposition():
    method = egd.egd(lr=0.05, weight_decay=1e-2, roles=("hidden",))
    assert apart(method, lambda weights: [Egalitarian(weights, HIDDEN)]) < CLOSE


# ---- SOAP, SAM, Lookahead, schedule-free AdamW


def test_soap_is_pytorch_optimizer_s(monkeypatch):
    from pytorch_optimizer.optimizer import soap as module

    monkeypatch.setattr(module, "torch", Wide())
    monkeypatch.setattr(soap, "RAMP", 0.0)  # whole-number gradients: their bases need no ramp
    task = matrices(plain_loops.mean)
    assert apart(soap.soap(weight_decay=0.01), lambda weights: [others.SOAP(list(weights.values()))], task) < CLOSE


def test_sam_is_pytorch_optimizer_s():
    def optimizers(weights):
        return [others.SAM(list(weights.values()), torch.optim.AdamW, lr=TASK.optimizer.lr, weight_decay=DECAY)]

    assert apart(sam.sam(), optimizers, again=True) < CLOSE


def test_lookahead_is_pytorch_optimizer_s():
    assert apart(lookahead.lookahead(k=3), lambda weights: [others.Lookahead(adamw(weights, TASK), k=3)]) < CLOSE


@pytest.mark.parametrize("warmup", [0, 7])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_schedule_free_is_pytorch_optimizer_s(decay, warmup):
    method, made = schedule_free.schedule_free(weight_decay=decay, warmup=warmup), []

    def optimizers(weights):
        weights = list(weights.values())
        made[:] = [others.ScheduleFreeAdamW(weights, weight_decay=decay, warmup_steps=warmup)]
        return made

    assert apart(method, optimizers) < CLOSE
    assert evaluated(method, optimizers, end=lambda: made[0].eval()) < CLOSE


# ---- averages and schedules


@pytest.mark.parametrize("label", ["ema", "swa"])
def test_averages_are_those_of_torch(label):
    task, made = small("sparse_parity"), {}
    mean_of = get_ema_multi_avg_fn(0.9) if label == "ema" else None

    def optimizers(weights):
        made["names"], made["weights"] = list(weights), torch.nn.ParameterDict(weights)
        made["mean"] = AveragedModel(made["weights"], multi_avg_fn=mean_of)
        return [adamw(weights, task)]

    def after(weights):
        made["mean"].update_parameters(made["weights"])

    def means():
        return {name: made["mean"].module[name].detach() for name in made["names"]}

    method = weight_average.ema(decay=0.9) if label == "ema" else weight_average.swa()
    assert evaluated(method, optimizers, task, epochs=20, means=means, after=after) < CLOSE


@pytest.mark.parametrize("label", ["cosine", "warm_up"])
def test_schedules_are_those_of_torch(label):
    task, made = small("sparse_parity"), []

    def optimizers(weights):
        inner = adamw(weights, task)
        schedules = torch.optim.lr_scheduler
        cosine_of_torch = schedules.CosineAnnealingLR(inner, T_max=20, eta_min=0.1 * task.optimizer.lr)
        made[:] = [cosine_of_torch] if label == "cosine" else [schedules.LambdaLR(inner, lambda t: min(t / 10, 1.0))]
        return [inner]

    method = cosine.cosine(floor=0.1) if label == "cosine" else warm_up.warm_up()
    assert apart(method, optimizers, task, epochs=20, after=lambda weights: made[0].step()) < CLOSE
