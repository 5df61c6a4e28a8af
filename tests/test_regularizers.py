"""Each method against its defining equation, one replica at a time."""

import pytest
import torch

from grokbench import random
from grokbench.optimizers import SGD, AdamW
from grokbench.regularizers import baseline, grokalign, grokfast, orthograd

from .helpers.oracles import jacobians
from .helpers.phase_inputs import DOUBLE, at, flat, local_of, network, normals, parameters


def gradients(steps):
    return [parameters(seed=10 * step + 10) for step in range(steps)]


def filtered(regularizer, sequence):
    """What comes out of a transform for a sequence of gradients."""
    params = parameters()
    state, out = regularizer.init(params), []
    for step, grads in enumerate(sequence):
        grads, state = regularizer.transform(grads, state, at(params, step))
        out.append(grads)
    return out


def test_the_baseline_has_no_phase():
    regularizer = baseline.baseline()
    phases = (regularizer.prepare, regularizer.init, regularizer.penalty, regularizer.transform, regularizer.optimizer)
    assert phases == (None,) * 5


def test_the_placebo_moves_every_weight_by_about_its_scale():
    params = {"w": normals(100, 100)}
    moved = baseline.placebo(scale=1e-6).prepare(params, None, None, random.key(0))
    relative = (moved["w"] / params["w"] - 1.0).flatten()
    assert float(relative.std()) == pytest.approx(1e-6, rel=0.05) and float(relative.mean().abs()) < 1e-7
    other = baseline.placebo(scale=1e-6).prepare(params, None, None, random.key(1))
    assert not torch.equal(moved["w"], other["w"])


@pytest.mark.parametrize("alpha", [0.0, 0.8, 0.98])
def test_grokfast_ema_is_its_recursion_from_the_first_gradient(alpha):
    sequence = gradients(6)
    out = filtered(grokfast.grokfast_ema(alpha=alpha, lamb=0.7), sequence)
    for name in sequence[0]:
        h = sequence[0][name]
        for g, filtered_g in zip(sequence, out, strict=True):
            h = alpha * h + (1 - alpha) * g[name]
            torch.testing.assert_close(filtered_g[name], g[name] + 0.7 * h, **DOUBLE)


def test_grokfast_ema_has_a_gain_of_one_plus_lamb_at_rest():
    out = filtered(grokfast.grokfast_ema(alpha=0.9, lamb=2.0), [parameters(5)] * 4)
    for grads in out:
        torch.testing.assert_close(flat(grads), 3.0 * flat(parameters(5)), **DOUBLE)


@pytest.mark.parametrize("window", [1, 3, 7])
def test_grokfast_ma_is_the_mean_of_the_window_once_it_is_full(window):
    sequence = gradients(10)
    out = filtered(grokfast.grokfast_ma(window=window, lamb=1.7), sequence)
    for step, grads in enumerate(out):
        for name, g in sequence[step].items():
            last = [earlier[name] for earlier in sequence[max(0, step - window + 1) : step + 1]]
            expected = g + 1.7 * sum(last) / window if len(last) == window else g
            torch.testing.assert_close(grads[name], expected, **DOUBLE)


@pytest.mark.parametrize(
    ("factory", "given", "complaint"),
    [
        (grokfast.grokfast_ema, {"alpha": 1.0}, "alpha must be at least 0 and below 1, got 1.0"),
        (grokfast.grokfast_ema, {"alpha": -0.1}, "got -0.1"),
        (grokfast.grokfast_ma, {"window": 0}, "window must be at least 1, got 0"),
        (grokalign.grokalign, {"projections": 0}, "projections must be at least 1, got 0"),
    ],
)
def test_invalid_parameters_are_refused(factory, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        factory(**given)


def projected(**options):
    params, grads = parameters(), parameters(7)
    decay = options.pop("decay", dict(decay=0.3, decoupled=True))
    return params, grads, orthograd.orthograd(**options).transform(grads, (), at(params, **decay))[0]


def test_orthograd_is_orthogonal_to_each_tensor_and_keeps_its_length():
    params, grads, out = projected()
    for name, g in out.items():
        assert float((g * params[name]).sum()) == pytest.approx(0.0, abs=1e-12)
        assert float(g.norm()) == pytest.approx(float(grads[name].norm()), rel=1e-12)
        w = params[name]
        across = grads[name] - (w * grads[name]).sum() / (w * w).sum() * w
        torch.testing.assert_close(g, across * grads[name].norm() / across.norm(), **DOUBLE)


def test_orthograd_without_rescale_only_loses_the_radial_part():
    params, grads, out = projected(rescale=False)
    for name, g in out.items():
        w = params[name]
        torch.testing.assert_close(g, grads[name] - (w * grads[name]).sum() / (w * w).sum() * w, **DOUBLE)


def test_orthograd_may_take_all_parameters_as_one_vector():
    params, grads, out = projected(scope="global")
    assert float(flat(out) @ flat(params)) == pytest.approx(0.0, abs=1e-12)
    assert float(flat(out).norm()) == pytest.approx(float(flat(grads).norm()), rel=1e-12)
    assert abs(float((out["weight1"] * params["weight1"]).sum())) > 1e-3  # not tensor by tensor


def test_orthograd_projects_an_l2_term_along_where_it_is_asked_to():
    params, grads, out = projected(project_decay=True, decay=dict(decay=0.3, decoupled=False))
    for name, g in out.items():
        length = (grads[name] + 0.3 * params[name]).norm()
        assert float((g * params[name]).sum()) == pytest.approx(0.0, abs=1e-12)
        assert float(g.norm()) == pytest.approx(float(length), rel=1e-12)


def test_orthograd_takes_the_decay_from_the_optimizer_only_where_it_projects_it():
    wrap = orthograd.orthograd(project_decay=True).optimizer
    assert wrap(SGD(lr=0.1, weight_decay=0.3)) == SGD(lr=0.1, weight_decay=0.0)
    assert wrap(AdamW(weight_decay=1.0, betas=(0.5, 0.6))) == AdamW(weight_decay=0.0, betas=(0.5, 0.6))
    assert orthograd.orthograd().optimizer is None
    _, _, out = projected(project_decay=True)  # decoupled: the gradients see no decay
    _, _, same = projected()
    assert all(torch.equal(out[name], same[name]) for name in out)


def test_orthograd_leaves_a_single_element_alone():
    params, grads = {"bias": torch.tensor([0.3])}, {"bias": torch.tensor([2.0])}
    assert torch.equal(orthograd.orthograd().transform(grads, (), at(params))[0]["bias"], grads["bias"])


def penalty(params, inputs, key=0, **options):
    return grokalign.grokalign(**options).penalty(local_of(params, inputs), (), at(params, key=random.key(key)))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("norm", ["squared", "frobenius"])
@pytest.mark.parametrize("strength", [0.5, -0.5])
def test_exact_grokalign_is_the_mean_norm_of_the_brute_force_jacobian(outputs, norm, strength):
    params, net, inputs = network(outputs)
    J = torch.stack([torch.autograd.functional.jacobian(net, x) for x in inputs])
    squares = J.square().sum((1, 2))
    expected = strength * (squares if norm == "squared" else squares.sqrt()).mean()
    found = penalty(params, inputs, strength=strength, norm=norm, estimator="exact")
    torch.testing.assert_close(found, expected, **DOUBLE)


@pytest.mark.parametrize("norm", ["squared", "frobenius"])
def test_one_output_makes_every_projection_exact(norm):
    params, _, inputs = network(1)
    exact = penalty(params, inputs, strength=1.0, norm=norm, estimator="exact")
    for key in range(3):
        torch.testing.assert_close(penalty(params, inputs, key, strength=1.0, norm=norm), exact, **DOUBLE)


@pytest.mark.parametrize("projections", [1, 2])
def test_the_projected_square_is_unbiased(projections):
    params, _, inputs = network(4)
    exact = float(penalty(params, inputs, strength=1.0, estimator="exact"))
    local = local_of(params, inputs.repeat(300, 1))  # a direction of its own for every row
    drawn = torch.cat([grokalign.projected(local, random.key(key), projections=projections) for key in range(4)])
    means = drawn.reshape(4 * 300, 6).mean(1)
    error = float(means.std()) / len(means) ** 0.5
    assert abs(float(means.mean()) - exact) < 4 * error
    assert error < 0.05 * exact


def test_more_projections_spread_less_and_the_root_is_biased_low():
    params, _, inputs = network(4)
    draws = {k: [penalty(params, inputs, s, strength=1.0, projections=k) for s in range(40)] for k in (1, 4)}
    assert float(torch.stack(draws[4]).std()) < 0.7 * float(torch.stack(draws[1]).std())
    many = inputs.repeat(100, 1)
    root = penalty(params, many, strength=1.0, norm="frobenius")
    assert float(root) < float(penalty(params, many, strength=1.0, norm="frobenius", estimator="exact"))


@pytest.mark.parametrize("norm", ["squared", "frobenius"])
@pytest.mark.parametrize("estimator", ["projection", "exact"])
def test_the_gradient_of_the_penalty_is_plain_double_backward(norm, estimator):
    params, net, inputs = network(3)
    leaves = {name: p.clone().requires_grad_() for name, p in params.items()}
    found = penalty(leaves, inputs, 5, strength=0.7, norm=norm, estimator=estimator)
    grads = torch.autograd.grad(found, list(leaves.values()), allow_unused=True, materialize_grads=True)

    J = jacobians(net, inputs, create_graph=True)
    v = random.normal(random.fold(random.key(5), 0), (6, 3))
    v = v / v.norm(dim=1, keepdim=True)
    squares = J.square().sum((1, 2)) if estimator == "exact" else 3 * torch.einsum("nc,ncd->nd", v, J).square().sum(1)
    expected = 0.7 * (squares if norm == "squared" else squares.sqrt()).mean()
    torch.testing.assert_close(found, expected, **DOUBLE)
    weights = [net.layers[0].weight, net.layers[0].bias, net.layers[1].weight]
    for g, wanted in zip(grads, torch.autograd.grad(expected, weights, materialize_grads=True), strict=True):
        torch.testing.assert_close(g, wanted.T if wanted.ndim == 2 else wanted, rtol=1e-11, atol=1e-12)


def test_the_penalty_scales_with_its_strength_and_never_with_the_batch():
    params, _, inputs = network(3)
    one = penalty(params, inputs, strength=1.0, estimator="exact")
    torch.testing.assert_close(penalty(params, inputs, strength=0.25, estimator="exact"), 0.25 * one, **DOUBLE)
    twice = penalty(params, inputs.repeat(2, 1), strength=1.0, estimator="exact")
    torch.testing.assert_close(twice, one, **DOUBLE)


def test_a_jacobian_of_zero_has_a_gradient_of_zero():
    params = {name: torch.zeros_like(p).requires_grad_() for name, p in network(3)[0].items()}
    for norm in ("squared", "frobenius"):
        found = penalty(params, normals(6, 5), strength=1.0, norm=norm)
        grads = torch.autograd.grad(found, list(params.values()), allow_unused=True, materialize_grads=True)
        assert found.isfinite() and all(not g.any() for g in grads)
