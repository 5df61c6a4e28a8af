"""Muon, EGD, schedules and averages: what each method is, on single tensors; the plain loops compare whole runs."""

from dataclasses import replace

import pytest
import torch

from grokbench.regularizers import cosine, egd, lookahead, muon, sam, schedule_free, soap, warm_up, weight_average

from .helpers.phase_inputs import DOUBLE, at, normals, parameters
from .helpers.small_cells import small

ONE = torch.ones((), dtype=torch.float64)
ROLES = {"weight1": "input", "bias1": "bias", "weight2": "readout"}


def now(params, step=0, **seen):
    return at(params, step, rate=ONE, roles=ROLES, **seen)


# ---- Muon


def quintic(s, steps):
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return s


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (6, 6)])
def test_newton_schulz_is_a_polynomial_of_the_singular_values(shape, steps):
    g = normals(*shape)
    U, s, Vh = torch.linalg.svd(g, full_matrices=False)
    found = muon.orthogonal(g, steps)
    torch.testing.assert_close(found, (U * quintic(s / (s.norm() + 1e-7), steps)) @ Vh, **DOUBLE)
    torch.testing.assert_close(muon.orthogonal(g.T, steps), found.T, **DOUBLE)


def test_five_steps_bring_all_but_tiny_singular_values_near_one():
    s = torch.logspace(-2, 0, 1000, dtype=torch.float64)
    assert 0.68 < quintic(s, 5).min() and quintic(s, 5).max() < 1.21 and quintic(s[:1], 1) < 0.035


@pytest.mark.parametrize(("shape", "factor"), [((4, 9), 1.5), ((9, 4), 1.0), ((9, 2, 2, 1), 1.5), ((4, 3, 3, 1), 1.0)])
def test_a_layer_with_more_outputs_than_inputs_takes_longer_steps(shape, factor):
    p, g = normals(*shape), normals(*shape, seed=1)
    scaled, plain = (
        muon.moved(p, g, now({"w": p}), lr=0.1, steps=5, scale=scale, decay=0.0) for scale in (True, False)
    )
    torch.testing.assert_close(p - scaled, factor * (p - plain), **DOUBLE)


def test_muon_takes_the_hidden_matrices_or_those_of_the_first_layer_or_those_that_are_named():
    def claimed(label, *roles):
        task = small(label)
        params = task.trained(task.init(torch.tensor(0)))
        return muon.muon(roles=roles).claims(task.roles, {name: tuple(p.shape) for name, p in params.items()})

    assert claimed("sparse_parity") == ["weight2"] and claimed("modular_addition") == ["weight1"]
    assert claimed("modular_transformer") == ["W_Q", "W_K", "W_V", "W_O", "W_in", "W_out"]
    assert claimed("sparse_parity", "input", "readout") == ["weight1", "weight3"]
    assert "conv1" not in claimed("cifar10") and claimed("cifar10", "input") == ["conv1"]
    why = muon.muon(roles=("hidden",)).refuses(small("modular_addition"))
    assert why == "no trained matrix has a role among hidden, only input, readout"
    assert all(muon.muon().refuses(small(label)) is None for label in ("xor", "modular_transformer", "cifar10"))


def test_muon_shrinks_by_the_task_s_decay_unless_it_has_its_own():
    params, zero = {"w": normals(4, 4)}, {"w": torch.zeros(4, 4, dtype=torch.float64)}
    for own, decay in ((None, 0.3), (0.0, 0.0), (0.5, 0.5)):
        method = muon.muon(lr=0.1, weight_decay=own)
        after, _ = method.update(params, zero, muon.Momentum(zero), now(params, decay=0.3))
        torch.testing.assert_close(after["w"], (1.0 - 0.1 * decay) * params["w"], **DOUBLE)


# ---- EGD


@pytest.mark.parametrize("shape", [(7, 4), (4, 7)])
def test_egd_is_the_inverse_root_of_the_gram_matrix_times_the_gradient(shape):
    g = normals(*shape)
    values, vectors = torch.linalg.eigh(g @ g.T)
    keep = values > 1e-9
    root = (vectors[:, keep] / values[keep].sqrt()) @ vectors[:, keep].T
    torch.testing.assert_close(egd.egalitarian(g), root @ g, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(egd.egalitarian(3.0 * g), egd.egalitarian(g), **DOUBLE)


def test_directions_without_gradient_stay_without_and_a_diverged_replica_harms_no_other():
    g = torch.stack([normals(5, 1) @ normals(1, 4), torch.full((5, 4), torch.nan).double(), normals(5, 4, seed=2)])
    found = torch.func.vmap(egd.egalitarian)(g)
    assert torch.linalg.matrix_rank(found[0], tol=1e-6) == 1 and found[1].isnan().all()
    torch.testing.assert_close(found[2], egd.egalitarian(g[2]), **DOUBLE)


def test_egd_has_the_l2_term_in_the_gradient_of_weights_and_equalises_the_first_matrix_alone():
    params, grads = parameters(), parameters(7)
    after, _ = egd.egd(lr=0.1, weight_decay=0.3).update(params, grads, (), now(params, decay=5.0))
    first = egd.egalitarian(grads["weight1"] + 0.3 * params["weight1"])
    torch.testing.assert_close(after["weight1"], params["weight1"] - 0.1 * first, **DOUBLE)
    torch.testing.assert_close(after["bias1"], params["bias1"] - 0.1 * grads["bias1"], **DOUBLE)
    torch.testing.assert_close(after["weight2"], 0.97 * params["weight2"] - 0.1 * grads["weight2"], **DOUBLE)


# ---- SOAP


def test_a_soap_replica_that_diverges_harms_no_other():
    state = soap.init({"w": torch.zeros(3, 2)})
    grams = {side: torch.eye(len(gram)).expand(2, -1, -1).clone() for side, gram in state.grams.items()}
    grams["w.0"][0] = torch.nan
    bases = torch.func.vmap(lambda gram: soap.eigenbasis(gram, torch.tensor(True)))(grams["w.0"])
    assert bases[1].isfinite().all()


def test_singular_statistics_have_one_eigenbasis():
    g = normals(6, 1) @ normals(1, 6)
    bases = [soap.eigenbasis(soap.determined(g @ g.T + noise), torch.tensor(True)) for noise in (0.0, 1e-14)]
    assert (bases[0].abs() - bases[1].abs()).abs().max() < 1e-6


# ---- SAM, Lookahead


def test_sam_asks_for_the_gradient_at_the_end_of_a_step_of_length_rho():
    params, grads, seen = parameters(), parameters(7), []
    answer = sam.sam(rho=0.2).transform(grads, (), replace(now(params), grad_at=lambda p: seen.append(p) or p))[0]
    step = torch.cat([(seen[0][name] - p).flatten() for name, p in params.items()])
    g = torch.cat([each.flatten() for each in grads.values()])
    torch.testing.assert_close(step, 0.2 * g / g.norm(), rtol=1e-10, atol=1e-12)
    assert answer is seen[0]


def test_lookahead_returns_to_the_slow_weights_in_every_kth_step():
    method, start = lookahead.lookahead(k=2, alpha=0.25), {"w": normals(3)}
    state, w, slow = method.init(start), start["w"], start["w"]
    for step in range(6):
        moved = w + normals(3, seed=step + 1)
        slow = slow + 0.25 * (moved - slow) if step % 2 else slow
        after, state = method.project({"w": moved}, state, now(start, step))
        w = slow if step % 2 else moved
        torch.testing.assert_close(after["w"], w, **DOUBLE)


# ---- averages


def means(method, weights, steps_per_epoch=1):
    state, found = method.init({"w": normals(3, seed=99)}), []
    for step, w in enumerate(weights):
        epoch = torch.tensor(step // steps_per_epoch)
        context = replace(now({"w": w}, step), epoch=epoch, steps_per_epoch=steps_per_epoch)
        params, state = method.project({"w": w}, state, context)
        assert params["w"] is w
        found.append(method.eval_params({"w": w}, state)["w"])
    return found


def test_ema_is_its_recursion_from_the_weights_after_the_first_step():
    weights = [normals(3, seed=step) for step in range(5)]
    mean = weights[0]
    for w, found in zip(weights, means(weight_average.ema(decay=0.9), weights), strict=True):
        mean = 0.9 * mean + 0.1 * w
        torch.testing.assert_close(found, mean, **DOUBLE)


@pytest.mark.parametrize("start", [0, 2])
def test_swa_is_the_mean_of_the_last_weights_of_the_epochs_from_its_start(start):
    weights = [normals(3, seed=step) for step in range(12)]
    found, ends = means(weight_average.swa(start=start), weights, steps_per_epoch=2)[1::2], weights[1::2]
    for epoch in range(6):
        expected = torch.stack(ends[start : epoch + 1]).mean(0) if epoch >= start else ends[epoch]
        torch.testing.assert_close(found[epoch], expected, **DOUBLE)


def test_schedule_free_weighs_by_the_squared_learning_rate():
    method = schedule_free.schedule_free(lr=0.1, warmup=3, weight_decay=0.0)
    y = {"w": normals(3)}
    state, x, z, rates = method.init(y), y["w"], y["w"], []
    for step in range(5):
        params, state = method.update(y, {"w": normals(3, seed=step)}, state, now(y, step))
        rates.append(0.1 * min((step + 1) / 3, 1.0))
        z, x = state.z["w"], x + rates[-1] ** 2 / sum(r * r for r in rates) * (state.z["w"] - x)
        torch.testing.assert_close(params["w"], 0.1 * z + 0.9 * x, **DOUBLE)
        torch.testing.assert_close(method.eval_params(params, state)["w"], x, **DOUBLE)
        y = params


# ---- schedules


def test_cosine_falls_from_one_to_the_floor_over_the_budget():
    method, context = cosine.cosine(floor=0.2), replace(now({}), steps_per_epoch=4, needed={"budget": 25})
    factors = [float(method.rate(replace(context, step=torch.tensor(step)))) for step in (0, 25, 50, 100)]
    assert factors == pytest.approx([1.0, 0.2 + 0.8 * (1 + 0.5**0.5) / 2, 0.6, 0.2])


def test_warm_up_starts_at_zero_and_stays_at_one():
    factors = [float(warm_up.warm_up(steps=4).rate(now({}, step))) for step in range(7)]
    assert factors == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("factory", "given", "complaint"),
    [
        (muon.muon, {"steps": 0}, "steps must be at least 1, got 0"),
        (muon.muon, {"momentum": 1.0}, "momentum must be at least 0 and below 1, got 1.0"),
        (soap.soap, {"frequency": 0}, "frequency must be at least 1, got 0"),
        (schedule_free.schedule_free, {"beta1": 1.0}, "beta1 must be above 0 and below 1, got 1.0"),
        (schedule_free.schedule_free, {"warmup": -1}, "warmup must not be negative, got -1"),
        (sam.sam, {"rho": -0.1}, "rho must not be negative, got -0.1"),
        (lookahead.lookahead, {"k": 0}, "k must be at least 1, got 0"),
        (lookahead.lookahead, {"alpha": 0.0}, "alpha must be above 0 and at most 1, got 0.0"),
        (weight_average.ema, {"decay": 1.0}, "decay must be at least 0 and below 1, got 1.0"),
        (weight_average.swa, {"start": -1}, "start must not be negative, got -1"),
        (cosine.cosine, {"floor": 1.5}, "floor must lie between 0 and 1, got 1.5"),
        (warm_up.warm_up, {"steps": -1}, "steps must not be negative, got -1"),
    ],
)
def test_invalid_parameters_are_refused(factory, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        factory(**given)
