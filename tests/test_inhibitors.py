"""Methods that work against alignment, and the clipping that guards them."""

import pytest
import torch
from torch import nn

from grokbench.metrics.jacobian import jacobian_norm
from grokbench.records import Outcome
from grokbench.regularizers.clip_gradients import clip_gradients
from grokbench.regularizers.grokalign import grokalign
from grokbench.regularizers.jacobian_level import jacobian_level

from .helpers.oracles import jacobians
from .helpers.phase_inputs import DOUBLE, at, flat, local_of, network, parameters
from .helpers.small_cells import make_step, small, train_runs

# ---- the Jacobian level


def penalty(regularizer, params, inputs):
    return regularizer.penalty(local_of(params, inputs), (), at(params))


@pytest.mark.parametrize("level", [0.0, 1.0, 100.0])
def test_the_penalty_is_the_distance_of_the_mean_norm_from_the_level(level):
    params, net, inputs = network(3)
    mean = jacobians(net, inputs).square().sum((1, 2)).sqrt().mean()
    found = penalty(jacobian_level(strength=0.7, level=level, estimator="exact"), params, inputs)
    torch.testing.assert_close(found, 0.7 * abs(level - mean).detach(), **DOUBLE)


@pytest.mark.parametrize("estimator", ["projection", "exact"])
def test_at_level_zero_it_is_grokalign(estimator):
    params, _, inputs = network(3)
    options = {"strength": 0.3, "estimator": estimator, "projections": 2}
    found = penalty(jacobian_level(level=0.0, **options), params, inputs)
    torch.testing.assert_close(found, penalty(grokalign(norm="frobenius", **options), params, inputs), **DOUBLE)


@pytest.mark.parametrize(("level", "sign"), [(1.0, 1.0), (100.0, -1.0)])
def test_the_gradient_is_that_of_the_norm_towards_the_level(level, sign):
    params, _, inputs = network(3)
    leaves = {name: p.clone().requires_grad_() for name, p in params.items()}
    weights = [leaves["weight1"], leaves["weight2"]]
    found = torch.autograd.grad(penalty(jacobian_level(0.3, level, "exact"), leaves, inputs), weights)
    norm = penalty(grokalign(0.3, "frobenius", "exact"), leaves, inputs)
    for g, wanted in zip(found, torch.autograd.grad(norm, weights), strict=True):
        torch.testing.assert_close(g, sign * wanted, **DOUBLE)


def test_training_holds_the_norm_at_the_level():
    task, metrics = small("xor"), {"norm": jacobian_norm()}
    for level in (1.0, 4.0):
        step = make_step(task, [jacobian_level(strength=1.0, level=level)], metrics=metrics)
        for run in train_runs(task, [], (0, 1), 100, step=step, evaluate_every=100):
            assert run.final["norm"] == pytest.approx(level, rel=0.25)


# ---- clipping


@pytest.mark.parametrize("max_norm", [0.01, 1.0, 2.5, 1e3])
def test_clipping_is_that_of_torch(max_norm):
    grads = parameters(3)
    found, _ = clip_gradients(max_norm).transform(grads, (), at(parameters()))
    plain = [nn.Parameter(torch.zeros_like(g)) for g in grads.values()]
    for p, g in zip(plain, grads.values(), strict=True):
        p.grad = g.clone()
    nn.utils.clip_grad_norm_(plain, max_norm)
    for g, p in zip(found.values(), plain, strict=True):
        torch.testing.assert_close(g, p.grad, **DOUBLE)
    assert float(flat(found).norm()) <= max_norm or all(torch.equal(found[name], g) for name, g in grads.items())


def test_a_gradient_of_zero_stays_zero():
    zeros = {name: torch.zeros_like(g) for name, g in parameters().items()}
    found, _ = clip_gradients().transform(zeros, (), at(parameters()))
    assert all(not g.any() for g in found.values())


def test_a_negative_strength_diverges_and_clipping_guards_it():
    task = small("xor")
    alone, guarded = [grokalign(strength=-0.5)], [grokalign(strength=-0.5), clip_gradients(1.0)]
    assert {run.outcome for run in train_runs(task, alone, (0, 1), 100, evaluate_every=20)} == {Outcome.DIVERGED}
    for run in train_runs(task, guarded, (0, 1), 100, evaluate_every=20):
        assert run.outcome is Outcome.CENSORED and run.epochs == 100


def test_a_negative_strength_raises_the_norm_of_the_jacobian():
    task, metrics = small("sparse_parity"), {"norm": jacobian_norm()}
    ends = []
    for methods in ([], [grokalign(strength=-0.01), clip_gradients()]):
        step = make_step(task, methods, metrics=metrics)
        ends.append([run.final["norm"] for run in train_runs(task, [], (0, 1), 60, step=step, evaluate_every=60)])
    assert all(unaligned > plain for plain, unaligned in zip(*ends, strict=True))


@pytest.mark.parametrize(
    ("factory", "given", "complaint"),
    [
        (jacobian_level, {"level": -1.0}, "level must not be negative, got -1.0"),
        (jacobian_level, {"projections": 0}, "projections must be at least 1, got 0"),
        (clip_gradients, {"max_norm": 0.0}, "max_norm must be positive, got 0.0"),
    ],
)
def test_invalid_parameters_are_refused(factory, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        factory(**given)
