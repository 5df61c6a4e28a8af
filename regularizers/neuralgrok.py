"""NeuralGrok: Zhou, Fan, Jaggi & Fu, "NeuralGrok: accelerate grokking by neural gradient transformation", 2025.

arXiv:2504.17243. A small network, the amplifier, reweights the elements of each gradient. It is trained on examples
that are left out of the batches, so that it favours elements that improve generalisation.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from grokbench import About, At, Params, Regularizer, hookimpl, random

BETAS, EPS = (0.9, 0.98), 1e-8  # of the amplifier's AdamW


class Amplifier(NamedTuple):
    """The parameters f of the amplifier, and the moments of their AdamW."""

    f: Params
    m: Params
    v: Params


def neuralgrok(
    width: int = 512, period: int = 10, share: float = 0.02, outer_lr: float = 1e-4, outer_decay: float = 1e-2
) -> Regularizer:
    """Reweight each gradient by a network that is trained on a reserved `share` of the training set.

        z_k = sum_j u_j relu(a_j g_k + b_j)      p = softmax(z) over all elements k of a tensor      g <- p g / ||p g||

    Elements are reweighted and gradients normalised tensor by tensor. After each `period`-th step, the amplifier's
    parameters a, b and u, of `width` hidden units, take a step of AdamW on the loss of one virtual step:

        L_reserved(w - lr g'),  where g' is the reweighted gradient of the step's batch at the new parameters w

    lr is the task's learning rate. This is the bilevel algorithm of the paper, with the sizes of the authors' first
    script. The share is 2% of the training set, which is their 1% of the whole table. In the later public version of
    their code, the softmax runs over an axis of length 1: there p is 1, and the amplifier cannot learn.

    Differences: the amplifier is trained after steps 1, 11, 21, ..., and not after steps 10, 20, ... Its output has no
    bias, which the softmax would cancel. The gradients are not clipped at joint norm 1 afterwards, which would multiply
    all of them by one constant; `use: [neuralgrok, clip_gradients]` does that. The learning rate has no warm-up. The
    reserved examples belong to the training set of the baseline, so no further labels are used. Cost: a search
    among `width` numbers per parameter in each step, and two more gradients in each `period`-th step.

    ValueError if `width` or `period` is below 1, or `share` is not in (0, 1).
    """
    if width < 1 or period < 1:
        raise ValueError(f"width and period must be at least 1, got {width} and {period}")
    if not 0.0 < share < 1.0:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    return Regularizer(
        init=partial(init, width=width),
        transform=transform,
        project=partial(outer_step, period=period, lr=outer_lr, decay=outer_decay),
        every={"project": period},
        reserve=share,
        privileges=frozenset({"extra_gradients", "second_model"}),
    )


def init(params: Params, about: About, *, width: int) -> Amplifier:
    """An amplifier, initialised as `torch.nn.Linear` is: U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    like = next(iter(params.values()))
    bounds = {"a": 1.0, "b": 1.0, "u": width**-0.5}
    keys = {name: random.fold(about.key, "neuralgrok", name) for name in bounds}
    f = {name: bound * (2.0 * random.uniform(keys[name], (width,)) - 1.0) for name, bound in bounds.items()}
    f = {name: part.to(like.dtype) for name, part in f.items()}
    zeros = {name: torch.zeros_like(part) for name, part in f.items()}
    return Amplifier(f, zeros, zeros)


def transform(grads: Params, state: Amplifier, at: At) -> tuple[Params, Amplifier]:
    """Reweight the gradients."""
    del at
    return amplify(state.f, grads), state


def amplify(f: Params, grads: Params) -> Params:
    """The reweighted gradients, tensor by tensor; a gradient of zero stays zero."""
    return {name: _amplified(f, g.flatten()).reshape(g.shape) for name, g in grads.items()}


def _amplified(f: Params, g: Tensor) -> Tensor:
    """The reweighted gradient, (n,), of a tensor with n elements."""
    tiny = torch.finfo(g.dtype).tiny
    p = scores(f, g).softmax(0)
    product = p / p.amax() * (g / g.abs().amax().clamp_min(tiny))  # the factors cancel, and nothing underflows
    return product / product.square().sum().clamp_min(tiny).sqrt()


def scores(f: Params, g: Tensor) -> Tensor:
    """The outputs z of the amplifier, (n,), at gradients g, (n,).

    z is a piecewise linear function of g, with a kink at -b_j/a_j for each hidden unit. Slopes and offsets between the
    sorted kinks are sums over the active units, so that an element costs a search in place of `width` products.
    """
    a, b, u = f["a"], f["b"], f["u"]
    kinks, order = (-b / a).detach().sort()
    piece = torch.searchsorted(kinks, g.detach())  # the number of kinks below each element
    falling, turn = (a < 0.0).to(a.dtype), u * a.sign()  # below all kinks, the units with a < 0 are active
    slope, offset = (
        torch.cat([torch.zeros_like(part[:1]), (turn * part)[order].cumsum(0)]) + (falling * u * part).sum()
        for part in (a, b)
    )
    return slope.index_select(0, piece) * g + offset.index_select(0, piece)


def outer_step(
    params: Params, state: Amplifier, at: At, *, period: int, lr: float, decay: float
) -> tuple[Params, Amplifier]:
    """Train the amplifier; the parameters stay unchanged."""
    grads = at.grad_at(params)
    amplified, pull, *_ = torch.func.vjp(lambda f: amplify(f, grads), state.f)
    virtual = {name: p - at.lr * amplified[name] for name, p in params.items()}
    beyond = at.grad_at(virtual, at.reserved, penalties=False)
    slope = pull({name: -at.lr * g for name, g in beyond.items()})[0]
    return params, adamw(state, slope, at.step // period + 1, lr, decay)


def adamw(state: Amplifier, slope: Params, t: Tensor, lr: float, decay: float) -> Amplifier:
    """Take step t of AdamW, counted from 1."""
    first, second = BETAS
    m = {name: first * state.m[name] + (1.0 - first) * g for name, g in slope.items()}
    v = {name: second * state.v[name] + (1.0 - second) * g.square() for name, g in slope.items()}
    correct = [(1.0 - beta ** t.double()).to(next(iter(m.values())).dtype) for beta in BETAS]
    f: Params = {}
    for name, part in state.f.items():
        step = (m[name] / correct[0]) / ((v[name] / correct[1]).sqrt() + EPS)
        f[name] = (1.0 - lr * decay) * part - lr * step
    return Amplifier(f, m, v)


@hookimpl
def grokbench_regularizers():
    yield neuralgrok
