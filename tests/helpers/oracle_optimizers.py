"""Optimizers, schedules and averages of methods, in a plain loop with matrices in torch's layout."""

import math

import torch

from .oracle_methods import Baseline


class Own(Baseline):
    """A method that updates parameters itself: those that `wants` chooses, each with its own memory."""

    def claims(self, named, roles):
        self.named, self.roles = {name: p for name, p in named.items() if self.wants(name, p, roles)}, roles
        self.memory, self.count = {name: {} for name in self.named}, 0
        return list(self.named.values())

    def wants(self, name, p, roles):
        return True

    def update(self, rate, decay):
        self.count += 1
        for name, p in self.named.items():
            p.data = self.moved(name, p.data, p.grad, self.memory[name], rate, decay)


class Muon(Own):
    def __init__(self, steps=5, nesterov=True, scale=True, weight_decay=None, roles=()):
        self.steps, self.nesterov, self.scale, self.decay, self.wanted = steps, nesterov, scale, weight_decay, roles

    def wants(self, name, p, roles):
        default = ["hidden"] if "hidden" in roles.values() else ["input"]
        return p.ndim == 2 and roles[name] in (self.wanted or default)

    def moved(self, name, w, g, memory, rate, decay):
        memory["m"] = 0.95 * memory.get("m", 0.0) + 0.05 * g
        u = 0.95 * memory["m"] + 0.05 * g if self.nesterov else memory["m"]
        U, s, Vh = torch.linalg.svd(u, full_matrices=False)
        s = s / (s.square().sum().sqrt() + 1e-7)
        for _ in range(self.steps):  # a polynomial of the singular values
            s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
        factor = math.sqrt(max(1.0, w.shape[0] / w.shape[1])) if self.scale else 1.0
        lr, decay = 0.02 * rate, decay if self.decay is None else self.decay
        return w - lr * decay * w - lr * factor * (U * s) @ Vh


class Egd(Own):
    def __init__(self, lr):
        self.lr = lr

    def moved(self, name, w, g, memory, rate, decay):
        g = g if self.roles[name] == "bias" else g + 1e-4 * w
        if self.roles[name] == "input":
            U, s, _ = torch.linalg.svd(g, full_matrices=False)
            g = U @ torch.diag(1.0 / s.clamp(min=1e-6)) @ U.T @ g
        return w - self.lr * rate * g


class ScheduleFree(Own):
    def moved(self, name, y, g, memory, rate, decay):
        x, z, v = memory.get("x", y), memory.get("z", y), memory.get("v", torch.zeros_like(y))
        v = 0.999 * v + 0.001 * g * g
        z = z - 0.0025 * rate * (g / ((v / (1 - 0.999**self.count)).sqrt() + 1e-8) + decay * y)
        x = x + (z - x) / self.count
        memory.update(x=x, z=z, v=v)
        return 0.1 * z + 0.9 * x


class Soap(Own):
    """Keeps bases for every matrix; vectors have none."""

    def __init__(self, frequency, eps):
        self.frequency, self.eps = frequency, eps

    def moved(self, name, w, g, memory, rate, decay):
        sides = [g @ g.T, g.T @ g] if g.ndim == 2 else []
        if self.count == 1:
            memory["grams"] = [0.05 * side for side in sides]
            memory["Q"] = [torch.linalg.eigh(self.ramped(gram))[1].flip(1) for gram in memory["grams"]]
            memory["m"] = memory["v"] = torch.zeros_like(g)
            return w
        t, Q = self.count - 1, memory["Q"]
        memory["m"] = 0.95 * memory["m"] + 0.05 * g
        memory["v"] = 0.95 * memory["v"] + 0.05 * self.into(g, Q).square()
        step = self.into(memory["m"], Q) / (memory["v"].sqrt() + self.eps)
        step = Q[0] @ step @ Q[1].T if Q else step
        memory["grams"] = [0.95 * gram + 0.05 * side for gram, side in zip(memory["grams"], sides, strict=True)]
        if t % self.frequency == 0:
            self.refresh(memory)
        w = w - 0.003 * rate * math.sqrt(1 - 0.95**t) / (1 - 0.95**t) * step
        return w - 0.003 * rate * decay * w

    @staticmethod
    def into(x, Q):
        return Q[0].T @ x @ Q[1] if Q else x

    @staticmethod
    def ramped(gram):
        n = len(gram)
        return gram + 1e-4 * gram.trace() / n * torch.diag(torch.tensor([(n - i) / n for i in range(n)]).double())

    def refresh(self, memory):
        for side, (gram, Q) in enumerate(zip(memory["grams"], memory["Q"], strict=True)):
            gram = self.ramped(gram)
            order = (Q.T @ gram @ Q).diagonal().argsort(descending=True)
            memory["v"] = memory["v"].index_select(side, order)
            memory["Q"][side] = torch.linalg.qr((gram @ Q)[:, order])[0]


class Sam(Baseline):
    def filter(self, net, decay):
        length = torch.cat([p.grad.flatten() for p in net.learned()]).norm()
        before = [p.data for p in net.learned()]
        for p in net.learned():
            p.data = p.data + 0.05 * p.grad / length
        self.again()
        for p, value in zip(net.learned(), before, strict=True):
            p.data = value


class Lookahead(Baseline):
    def __init__(self, k):
        self.k, self.count, self.slow = k, 0, None

    def prepare(self, net, key):
        self.slow = [p.data.clone() for p in net.learned()]

    def project(self, net):
        self.count += 1
        if self.count % self.k == 0:
            for n, p in enumerate(net.learned()):
                self.slow[n] = self.slow[n] + 0.5 * (p.data - self.slow[n])
                p.data = self.slow[n].clone()


class Averaged(Baseline):
    """Training is the baseline's; only evaluations differ."""

    def __init__(self, decay=None):
        pass


class Cosine(Baseline):
    def rate(self, step, steps):
        return (1.0 + math.cos(math.pi * step / steps)) / 2.0


class WarmUp(Baseline):
    def rate(self, step, steps):
        return min(step / 10, 1.0)


METHODS = {
    "muon": Muon,
    "egd": Egd,
    "schedule_free": ScheduleFree,
    "soap": Soap,
    "sam": Sam,
    "lookahead": Lookahead,
    "ema": Averaged,
    "swa": Averaged,
    "cosine": Cosine,
    "warm_up": WarmUp,
}
