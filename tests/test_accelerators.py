"""Methods of the literature: what the plain loops of `test_engine` do not show."""

import pytest
import torch
from torch.func import grad

from grokbench import Batch, random
from grokbench.plugins import load_registry
from grokbench.regularizers import clip_to_grok, gradient_noise, neuralgrok, radial_suppression
from grokbench.testing import linearized, standpoint

from .helpers.phase_inputs import DOUBLE, at, normals, parameters
from .helpers.small_cells import small

REGISTRY = load_registry()
REFUSED = [
    ("logit_temperature", {"tau": 0.0}, "tau must be positive, got 0.0"),
    ("label_smoothing", {"epsilon": 1.5}, "epsilon must lie between 0 and 1, got 1.5"),
    ("dropout", {"p": 1.0}, "p must be at least 0 and below 1, got 1.0"),
    ("gradient_noise", {"eta": -1.0}, "eta must not be negative, got -1.0"),
    ("clip_to_grok", {"c": 0.0}, "c must be positive, got 0.0"),
    ("neuralgrok", {"width": 0}, "width and period must be at least 1, got 0 and 10"),
    ("neuralgrok", {"share": 1.0}, "share must lie between 0 and 1, got 1.0"),
]
PRIVILEGES = {
    "logit_temperature": {"loss"},
    "label_smoothing": {"loss"},
    "spectral_decoupling": set(),
    "radial_suppression": set(),
    "l1": set(),
    "l2_to_init": set(),
    "dropout": set(),
    "gradient_noise": set(),
    "clip_to_grok": set(),
    "neuralgrok": {"extra_gradients", "second_model"},
}


def made(name, **parameters):
    return REGISTRY.regularizers[name].factory(**parameters)


@pytest.mark.parametrize(("name", "parameters", "complaint"), REFUSED)
def test_invalid_parameters_are_refused(name, parameters, complaint):
    with pytest.raises(ValueError, match=complaint):
        made(name, **parameters)


def test_privileges_are_declared():
    assert {name: set(made(name).privileges) for name in PRIVILEGES} == PRIVILEGES


# ---- Clip to Grok


def test_clip_to_grok_sets_tokens_and_units_to_norm_c_at_the_start():
    task = small("modular_transformer")
    params = task.init(random.key(0))
    started = clip_to_grok.clip_to_grok(c=2.0).prepare(params, task, task.splits(random.key(0))["train"], None)
    for name, p in started.items():
        norms = p.norm(dim=1) if name in ("W_E", "W_pos") else p.norm(dim=0)  # rows of an embedding are tokens
        expected = torch.zeros_like(norms) if name.startswith("b_") else torch.full_like(norms, 2.0)
        torch.testing.assert_close(norms, expected, **DOUBLE)


def test_clip_to_grok_leaves_embeddings_and_the_readout_free():
    task = small("modular_transformer")
    params = {name: 5.0 * p for name, p in task.init(random.key(0)).items()}
    here = at(params, roles=task.roles, batch=task.splits(random.key(0))["train"])
    clipped, _ = clip_to_grok.clip_to_grok(c=2.0).project(params, (), here)
    assert {name for name, p in clipped.items() if torch.equal(p, params[name])} == {
        *("W_E", "W_pos", "W_U"),
        *("b_in", "b_out"),  # zeros
    }
    assert all(clipped[name].norm(dim=0).max() < 2.0 + 1e-12 for name in ("W_Q", "W_K", "W_V", "W_O", "W_in", "W_out"))


def test_clip_to_grok_counts_a_bias_as_one_row_and_a_filter_as_one_unit():
    params = {"bias": torch.tensor([3.0, 4.0]), "kernel": 9.0 * normals(4, 3, 2, 2)}
    here = at(params, roles={"bias": "bias", "kernel": "input"}, batch=Batch(torch.zeros(2, dtype=torch.uint8), None))
    clipped, _ = clip_to_grok.clip_to_grok(c=1.0).project(params, (), here)
    torch.testing.assert_close(clipped["bias"], torch.tensor([0.6, 0.8]))
    torch.testing.assert_close(clipped["kernel"].flatten(1).norm(dim=1), torch.ones(4).double())


# ---- radial suppression


def test_radial_suppression_is_the_mean_over_layers_and_examples():
    task = small("modular_transformer")
    here, seen = standpoint(task), {}
    task.forward(here.params, task.embedded(here.params, here.batch.inputs), lambda h, name: seen.setdefault(name, h))
    rows = [row for h in seen.values() for row in h]
    expected = 0.05 * sum((float(row.norm()) - len(row) ** 0.5) ** 2 / len(row) for row in rows) / len(rows)
    penalty = radial_suppression.radial_suppression().penalty(linearized(task, here), (), here)
    assert float(penalty) == pytest.approx(expected, rel=1e-12) and len(seen) == 3


# ---- gradient noise


@pytest.mark.parametrize("step", [0, 99])
def test_the_variance_of_gradient_noise_decays_with_the_step(step):
    grads = {"w": torch.zeros(300, 200, dtype=torch.float64)}
    noise, _ = gradient_noise.gradient_noise().transform(grads, (), at(grads, step, key=random.key(1)))
    variance = 0.01 / (1 + step) ** 0.55
    assert float(noise["w"].var()) == pytest.approx(variance, rel=4 * (2 / 60_000) ** 0.5)
    assert abs(float(noise["w"].mean())) < 4 * (variance / 60_000) ** 0.5


# ---- NeuralGrok


def test_the_amplifier_is_a_network_of_relus_with_its_gradient():
    f = {name: normals(30, seed=number) for number, name in enumerate("abu")}
    g = torch.cat([10.0 ** -normals(200).abs() * normals(200, seed=5), torch.tensor([0.0, 50.0, -50.0])])

    def dense(f):
        return torch.relu(g[:, None] * f["a"] + f["b"]) @ f["u"]

    weights = normals(len(g), seed=7)
    torch.testing.assert_close(neuralgrok.scores(f, g), dense(f), **DOUBLE)
    own, expected = (
        grad(lambda f, of=of: (of(f) * weights).sum())(f) for of in (lambda f: neuralgrok.scores(f, g), dense)
    )
    for name in f:
        torch.testing.assert_close(own[name], expected[name], rtol=1e-10, atol=1e-10)


def test_amplified_gradients_have_length_one_tensor_by_tensor_at_any_scale():
    f = {name: normals(30, seed=number).float() for number, name in enumerate("abu")}
    for scale in (1e-30, 1.0, 1e30):
        grads = {name: scale * p.float() for name, p in parameters().items()} | {"zero": torch.zeros(3)}
        out = neuralgrok.amplify(f, grads)
        assert not out.pop("zero").any()
        for p in out.values():
            torch.testing.assert_close(p.norm(), torch.tensor(1.0))
