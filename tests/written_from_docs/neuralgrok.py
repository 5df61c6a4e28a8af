"""NeuralGrok: Zhou et al., "NeuralGrok: accelerate grokking by neural gradient transformation", 2025, arXiv:2504.17243.

p = softmax over the elements of a tensor of f(g_i),    g <- p g / ||p g||    (per tensor; f: 1 -> 32 -> 32 -> 1)

Every `period` steps f takes an AdamW step on the task's loss on reserved examples at w' = w - lr g(f). With
v = grad L(w') its gradient is that of -lr <v, g(f)>: exact, for g(f) is the only place where f enters.

Ours: the inner step is plain gradient descent, since a phase cannot see the state of the task's optimizer; f starts
from draws keyed by the replica's initial parameters, since `init` gets no key; torch's initialisation, without noise.
"""

from functools import partial
from typing import NamedTuple

import torch

from grokbench import About, At, Params, Regularizer, hookimpl, random


class State(NamedTuple):
    """The amplifier f, its AdamW moments, and its number of updates."""

    f: Params
    m: Params
    v: Params
    updates: torch.Tensor


def my_neuralgrok(width: int = 32, outer_lr: float = 1e-4, period: int = 10, share: float = 0.01) -> Regularizer:
    """Reweight gradients by a small network, trained on a reserved `share` of the training set every `period` steps."""
    return Regularizer(
        init=partial(init, width=width),
        transform=transform,
        project=partial(outer_step, lr=outer_lr),
        every={"project": period},
        reserve=share,
        privileges=frozenset({"extra_gradients", "second_model"}),
    )


def init(params: Params, about: About, *, width: int) -> State:
    """Draw f as torch.nn.Linear does, with a key made of the replica's first weights."""
    first = next(iter(params.values()))
    codes = (first.flatten()[:8].to(torch.float64) * 2**20).round().to(torch.int64)
    key = random.fold(random.key(0, first.device), "neuralgrok", *codes.unbind())
    f, sizes = {}, (1, width, width, 1)
    for i, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        for name, shape in ((f"weight{i}", (fan_in, fan_out)), (f"bias{i}", (fan_out,))):
            f[name] = (2 * random.uniform(random.fold(key, name), shape, first.dtype) - 1) / fan_in**0.5
    zeros = {name: torch.zeros_like(p) for name, p in f.items()}
    return State(f, zeros, zeros, first.new_zeros(()))


def amplify(f: Params, grads: Params) -> Params:
    """Compute p g / ||p g||; g is scaled to at most 1 before the product, which changes nothing but underflow."""
    out = {}
    for name, g in grads.items():
        h = g.reshape(-1, 1)
        h = torch.relu(h @ f["weight0"] + f["bias0"])
        h = torch.relu(h @ f["weight1"] + f["bias1"]) @ f["weight2"] + f["bias2"]
        scaled = g / g.abs().amax().clamp_min(torch.finfo(g.dtype).tiny)
        product = h.squeeze(1).softmax(0).reshape(g.shape) * g.numel() * scaled
        out[name] = product / product.square().sum().clamp_min(torch.finfo(g.dtype).tiny).sqrt()
    return out


def transform(grads: Params, state: State, at: At) -> tuple[Params, State]:
    return amplify(state.f, grads), state


def outer_step(params: Params, state: State, at: At, *, lr: float) -> tuple[Params, State]:
    """Train f by AdamW (betas 0.9, 0.999, eps 1e-8, decay 0.01); the parameters stay as they are."""
    grads = at.grad_at(at.params)
    amplified, pull = torch.func.vjp(lambda f: amplify(f, grads), state.f)
    v = at.grad_at({name: p - at.lr * amplified[name] for name, p in at.params.items()}, at.reserved, penalties=False)
    slope = pull({name: -at.lr * g for name, g in v.items()})[0]
    t = state.updates + 1
    first = {name: 0.9 * state.m[name] + 0.1 * g for name, g in slope.items()}
    second = {name: 0.999 * state.v[name] + 0.001 * g.square() for name, g in slope.items()}
    f = {}
    for name, p in state.f.items():
        step = (first[name] / (1 - 0.9**t)) / ((second[name] / (1 - 0.999**t)).sqrt() + 1e-8)
        f[name] = (1 - 0.01 * lr) * p - lr * step
    return params, State(f, first, second, t)


@hookimpl
def grokbench_regularizers():
    yield my_neuralgrok
