"""Further methods, written for one network in a plain loop; see `oracle_methods`."""

import math

import torch
from torch import nn
from torch.func import functional_call

from grokbench import random

from .oracle_methods import Baseline


class LogitTemperature(Baseline):
    def __init__(self, tau=2.0):
        self.tau = tau

    def objective(self, loss):
        return lambda outputs, targets: loss(outputs / self.tau, targets)


class LabelSmoothing(Baseline):
    def __init__(self, epsilon):
        self.epsilon = epsilon

    def objective(self, loss):
        return nn.CrossEntropyLoss(label_smoothing=self.epsilon)


class SpectralDecoupling(Baseline):
    def __init__(self, strength):
        self.strength = strength

    def penalty(self, net, inputs, key):
        return self.strength / 2 * sum(z.dot(z) for z in net(inputs)) / len(inputs)


class RadialSuppression(Baseline):
    def __init__(self, strength=0.05):
        self.strength = strength

    def penalty(self, net, inputs, key):
        rows = [row for h in net.hidden for row in h]
        return self.strength * sum((row.norm() - math.sqrt(len(row))) ** 2 / len(row) for row in rows) / len(rows)


class L1(Baseline):
    def __init__(self, strength):
        self.strength = strength

    def penalty(self, net, inputs, key):
        return self.strength * sum(p.abs().sum() for p in net.learned())


class L2ToInit(Baseline):
    def __init__(self, strength):
        self.strength, self.start = strength, None

    def prepare(self, net, key):
        self.start = [p.detach().clone() for p in net.learned()]

    def penalty(self, net, inputs, key):
        return self.strength * sum((p - q).pow(2).sum() for p, q in zip(net.learned(), self.start, strict=True))


class Dropout(Baseline):
    def __init__(self, p):
        self.p = p

    def hidden(self, h, site, key):
        u = random.uniform(random.fold(key, "dropout", site), tuple(h.shape))
        return torch.where(u < self.p, 0.0, h / (1 - self.p))


class GradientNoise(Baseline):
    def __init__(self, eta=0.01, gamma=0.55):
        self.eta, self.gamma, self.steps, self.key = eta, gamma, 0, None

    def penalty(self, net, inputs, key):
        self.key = key
        return 0.0

    def filter(self, net, decay):
        sigma = math.sqrt(self.eta / (1 + self.steps) ** self.gamma)
        for name, p in net.named(learned=True).items():
            shape = tuple(p.T.shape) if p.ndim == 2 else tuple(p.shape)
            z = random.normal(random.fold(self.key, "gradient_noise", name), shape)
            p.grad = p.grad + sigma * (z.T if p.ndim == 2 else z)
        self.steps += 1


class ClipToGrok(Baseline):
    """Clips the rows of torch's weights, because none of these networks has an embedding."""

    def __init__(self, c, start="all"):
        self.c, self.start = c, start

    def prepare(self, net, key):
        for p in net.learned() if self.start == "all" else []:
            for row in [*p.data] if p.ndim == 2 else [p.data]:
                row *= self.c / row.norm()

    def project(self, net):
        readout = net.layers[-1].weight
        for p in [p for p in net.learned() if p is not readout]:
            for row in [*p.data] if p.ndim == 2 else [p.data]:
                if row.norm() > self.c:
                    row *= self.c / row.norm()


class NeuralGrok(Baseline):
    """As in the authors' scripts: an nn.Sequential, autograd through the virtual step, and torch's AdamW."""

    def __init__(self, width, period=10, share=0.02, outer_lr=1e-4, outer_decay=1e-2):
        self.width, self.period, self.share, self.steps = width, period, share, 0
        self.settings = {"lr": outer_lr, "weight_decay": outer_decay, "betas": (0.9, 0.98)}

    def begin(self, task, root, train, place):
        key, n = random.fold(root, "reserve"), task.train_size
        order, count = random.permutation(key, n), max(1, math.ceil(self.share * n))
        self.reserved = train.inputs[order[:count]], train.targets[order[:count]]
        drawn = random.integers(random.fold(key, "instead"), (count,), n - count)
        self.instead = {int(row): int(order[count:][d]) for row, d in zip(order[:count], drawn, strict=True)}
        self.lr, self.key = task.optimizer.lr, random.fold(root, "init", "method", place)

    def prepare(self, net, key):
        inner, outer = nn.Linear(1, self.width).double(), nn.Linear(self.width, 1, bias=False).double()
        for name, p, bound in (("a", inner.weight, 1), ("b", inner.bias, 1), ("u", outer.weight, self.width**-0.5)):
            u = random.uniform(random.fold(self.key, "neuralgrok", name), (self.width,))
            p.data = (bound * (2 * u - 1)).view_as(p)
        self.amplifier = nn.Sequential(inner, nn.ReLU(), outer, nn.Softmax(dim=0))
        self.optimizer = torch.optim.AdamW(self.amplifier.parameters(), **self.settings, foreach=False, fused=False)

    def rows(self, rows):
        return torch.tensor([self.instead.get(int(row), int(row)) for row in rows])

    def objective(self, loss):
        self.loss = loss
        return loss

    def perturb(self, net, inputs, targets, key, problem):
        self.batch = inputs, targets
        return inputs

    def amplified(self, g):
        p = self.amplifier(g.reshape(-1, 1)).view_as(g)
        return p * g / (p * g).norm()

    def filter(self, net, decay):
        for p in net.learned():
            p.grad = self.amplified(p.grad).detach()

    def project(self, net):
        self.steps += 1
        if self.steps % self.period == 1 or self.period == 1:
            named = {name: p for name, p in net.named_parameters() if p.requires_grad}
            grads = torch.autograd.grad(self.loss(net(self.batch[0]), self.batch[1]), list(named.values()))
            pairs = zip(named.items(), grads, strict=True)
            moved = {name: p.detach() - self.lr * self.amplified(g) for (name, p), g in pairs}
            outer = self.loss(functional_call(net, moved, (self.reserved[0],)), self.reserved[1])
            self.optimizer.zero_grad()
            outer.backward()
            self.optimizer.step()


METHODS = {
    "logit_temperature": LogitTemperature,
    "label_smoothing": LabelSmoothing,
    "spectral_decoupling": SpectralDecoupling,
    "radial_suppression": RadialSuppression,
    "l1": L1,
    "l2_to_init": L2ToInit,
    "dropout": Dropout,
    "gradient_noise": GradientNoise,
    "clip_to_grok": ClipToGrok,
    "neuralgrok": NeuralGrok,
}
