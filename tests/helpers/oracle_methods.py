"""Every method for one network in a plain loop, after the authors' code: torch.autograd, and no vmap."""

import math
from collections import deque

import torch
from torch import nn

from grokbench import random

from .oracles import jacobians


class Baseline:
    """A method in a plain loop: its changes to inputs, loss, gradients and parameters, and its work before training."""

    projects_decay = False

    def begin(self, task, root, train, place):
        pass

    def prepare(self, net, key):
        pass

    def rows(self, rows):
        return rows

    def begin_epoch(self):
        pass

    def perturb(self, net, inputs, targets, key, problem):
        return inputs

    def hidden(self, h, site, key):
        return h

    def see(self, outputs, targets):
        pass

    def objective(self, loss):
        return loss

    def penalty(self, net, inputs, key):
        return 0.0

    def filter(self, net, decay):
        """Change the gradients; `decay` is that of an L2 term, which torch adds to them later."""

    def project(self, net):
        """Change the parameters after a step."""

    def again(self):
        """Compute the gradients anew; the loop sets this in every step."""

    def claims(self, named, roles):
        """The parameters that the method updates itself."""
        return []

    def update(self, rate, decay):
        """Update the claimed parameters."""

    def rate(self, step, steps):
        """A factor of the learning rate."""
        return 1.0


class Placebo(Baseline):
    def __init__(self, scale):
        self.scale = scale

    def prepare(self, net, key):
        for number, layer in enumerate(net.layers, start=1):
            for name, p, shape in (("weight", layer.weight, layer.weight.T.shape), ("bias", layer.bias, None)):
                if p is not None and p.requires_grad:  # frozen ones stay
                    noise = random.normal(random.fold(key, f"{name}{number}"), tuple(shape or p.shape))
                    p.data = p.data * (1.0 + self.scale * (noise.T if name == "weight" else noise))


class GrokfastEma(Baseline):
    def __init__(self, alpha, lamb):
        self.alpha, self.lamb, self.h = alpha, lamb, None

    def filter(self, net, decay):
        if self.h is None:
            self.h = {n: p.grad.clone() for n, p in enumerate(net.learned())}
        for n, p in enumerate(net.learned()):
            self.h[n] = self.alpha * self.h[n] + (1.0 - self.alpha) * p.grad
            p.grad = p.grad + self.lamb * self.h[n]


class GrokfastMa(Baseline):
    def __init__(self, window, lamb):
        self.window, self.lamb, self.queues = window, lamb, {}

    def filter(self, net, decay):
        for n, p in enumerate(net.learned()):
            queue = self.queues.setdefault(n, deque(maxlen=self.window))
            queue.append(p.grad.clone())
            if len(queue) == self.window:
                p.grad = p.grad + self.lamb * sum(queue) / len(queue)


class OrthoGrad(Baseline):
    def __init__(self, rescale=True, scope="tensor", project_decay=False):
        self.rescale, self.scope, self.projects_decay = rescale, scope, project_decay

    def filter(self, net, decay):
        params = net.learned()
        if self.projects_decay:
            for p in params:
                p.grad = p.grad + decay * p.detach()
        for group in [params] if self.scope == "global" else [[p] for p in params if p.numel() > 1]:
            w = torch.cat([p.detach().reshape(-1) for p in group])
            g = torch.cat([p.grad.reshape(-1) for p in group])
            across = g - torch.dot(w, g) / torch.dot(w, w) * w
            if self.rescale:
                across = across * g.norm() / across.norm()
            for p, part in zip(group, across.split([p.numel() for p in group]), strict=True):
                p.grad = part.view_as(p)


class GrokAlign(Baseline):
    def __init__(self, strength, norm="squared", estimator="projection", projections=1):
        self.strength, self.norm, self.estimator, self.projections = strength, norm, estimator, projections

    def penalty(self, net, inputs, key):
        J = jacobians(net, inputs, create_graph=True)
        squares = J.square().sum((1, 2)) if self.estimator == "exact" else self.projected(J, key)
        return self.strength * (squares.clamp_min(1e-8).sqrt() if self.norm == "frobenius" else squares).mean()

    def projected(self, J, key):
        n, outputs, _ = J.shape
        total = 0.0
        for projection in range(self.projections):
            v = random.normal(random.fold(key, projection), (n, outputs))
            v = v / v.square().sum(1, keepdim=True).sqrt()
            total = total + torch.einsum("nc,ncd->nd", v, J).square().sum(1)
        return outputs * total / self.projections


class JacobianLevel(Baseline):
    def __init__(self, strength, level):
        self.strength, self.level, self.norm = strength, level, GrokAlign(1.0, "frobenius")

    def penalty(self, net, inputs, key):
        return self.strength * abs(self.level - self.norm.penalty(net, inputs, key))


class ClipGradients(Baseline):
    def __init__(self, max_norm):
        self.max_norm = max_norm

    def filter(self, net, decay):
        nn.utils.clip_grad_norm_(net.learned(), self.max_norm, foreach=False)


class GaussianNoise(Baseline):
    def __init__(self, scale, floor):
        self.scale, self.floor, self.sigma, self.hits = scale, floor, None, []

    def begin_epoch(self):
        accuracy = sum(self.hits) / len(self.hits) if self.hits else 0.0
        self.sigma, self.hits = max(self.scale * (1 - accuracy), self.floor), []

    def perturb(self, net, inputs, targets, key, problem):
        return inputs + self.sigma * random.normal(random.fold(key, "noise"), tuple(inputs.shape))

    def see(self, outputs, targets):
        predicted = outputs[:, 0].sign() if outputs.shape[1] == 1 else outputs.argmax(1)
        self.hits += [float(p == t) for p, t in zip(predicted, targets, strict=True)]


class PgdTraining(Baseline):
    def __init__(self, radius, step_size, steps, random_start=True):
        self.radius, self.step_size, self.steps, self.random_start = radius, step_size, steps, random_start

    def perturb(self, net, inputs, targets, key, problem):
        delta = torch.zeros_like(inputs)
        if self.random_start:
            u = random.uniform(random.fold(key, "attack"), tuple(inputs.shape))
            delta = self.valid(inputs, self.radius * (2 * u - 1), problem.bounds)
        for _ in range(self.steps):
            x = (inputs + delta).requires_grad_()
            (ascent,) = torch.autograd.grad(problem.loss(net(x), targets), x)
            delta = (delta + self.step_size * ascent.sign()).clamp(-self.radius, self.radius)
            delta = self.valid(inputs, delta, problem.bounds)
        return inputs + delta

    @staticmethod
    def valid(inputs, delta, bounds):
        return (inputs + delta).clamp(*bounds) - inputs if bounds else delta


class NormSphere(Baseline):
    def __init__(self, scope="global", cap=False):
        self.scope, self.cap, self.norms = scope, cap, None

    def groups(self, net):
        return [net.learned()] if self.scope == "global" else [[p] for p in net.learned()]

    def prepare(self, net, key):
        self.norms = [math.sqrt(sum(float((p.data * p.data).sum()) for p in group)) for group in self.groups(net)]

    def project(self, net):
        for norm, group in zip(self.norms, self.groups(net), strict=True):
            factor = norm / math.sqrt(sum(float((p.data * p.data).sum()) for p in group))
            for p in group:
                p.data = p.data * (min(1.0, factor) if self.cap else factor)


class StableMax(Baseline):
    def objective(self, loss):
        return stablemax_cross_entropy


def stablemax_cross_entropy(outputs, targets):
    """One example and one class at a time."""
    total = 0.0
    for z, y in zip(outputs, targets, strict=True):
        s = torch.stack([x + 1.0 if x >= 0 else 1.0 / (1.0 - x) for x in z])
        total = total - torch.log(s[y] / s.sum())
    return total / len(targets)


METHODS = {
    "baseline": Baseline,
    "jacobian_level": JacobianLevel,
    "clip_gradients": ClipGradients,
    "gaussian_noise": GaussianNoise,
    "pgd_training": PgdTraining,
    "norm_sphere": NormSphere,
    "stablemax": StableMax,
    "placebo": Placebo,
    "grokfast_ema": GrokfastEma,
    "grokfast_ma": GrokfastMa,
    "orthograd": OrthoGrad,
    "grokalign": GrokAlign,
}
