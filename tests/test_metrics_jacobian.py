"""The input Jacobian against autograd and explicit singular values, one example at a time, in float64."""

import pytest
import torch
from torch.func import vmap

from grokbench import engine
from grokbench.metrics import jacobian, standard

from .helpers import oracles
from .helpers.metric_probes import dead, images, made, normal, probe_of
from .helpers.small_cells import TASKS, make_step, small

pytestmark = pytest.mark.usefixtures("tiny_data")
NAMES = tuple(factory.__name__ for factory in jacobian.grokbench_metrics())


def quantities(net, x, target):
    """The numbers of one example, by name."""
    J = torch.autograd.functional.jacobian(net, x).reshape(-1, x.numel())
    x, mu = x.flatten(), J.sum(0)
    row = J[0] * target.sign() if len(J) == 1 else J[int(target)]
    sigma = torch.linalg.svdvals(J)

    def cosine(a, b):
        return float(a @ b) / max(float(a.norm() * b.norm()), 1e-8)

    return {
        "jacobian_norm": float(J.norm()),
        "full_jacobian_alignment": float((J @ x).norm() / (J.norm() * x.norm()).clamp_min(1e-8)),
        "jacobian_pc1": float(sigma[0] ** 2 / (sigma**2).sum()) if J.any() else 0.0,  # all units off
        "centroid_alignment": cosine(x, mu),
        "centroid_inner_product": float(x @ mu),
        "centroid_norm": float(mu.norm()),
        "jacobian_alignment": cosine(x, row),
        "jacobian_inner_product": float(x @ row),
    }


def reference(net, batch, examples=None):
    """Their means, example by example."""
    rows = [quantities(net, x, y) for x, y in zip(batch.inputs[:examples], batch.targets[:examples], strict=True)]
    return {name: sum(row[name] for row in rows) / len(rows) for name in NAMES}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("label", TASKS)
def test_every_number_is_that_of_brute_force(label, split):
    probe = probe_of(label)
    expected = reference(oracles.Net(probe.params, TASKS[label][3]), probe.splits[split])
    for name in NAMES:
        found = getattr(jacobian, name)(split=split).measure(probe)
        assert found.shape == () and float(found) == pytest.approx(expected[name], rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("examples", [None, 4])
def test_inputs_may_be_images_and_few(examples):
    probe = images()
    net = lambda x: probe.task.forward(probe.params, x[None])[0]  # noqa: E731
    expected = reference(net, probe.splits["train"], examples)
    for name in NAMES:
        found = getattr(jacobian, name)(examples=examples).measure(probe)
        assert float(found) == pytest.approx(expected[name], rel=1e-10, abs=1e-12)


def linear(J, x):
    """A network f(x) = J x."""
    return made(lambda params, x: x @ params["J"].T, x, torch.zeros(len(x), dtype=torch.int64), {"J": J})


def test_a_network_that_copies_its_input_is_aligned():
    x = normal(1, 8)
    J = torch.tensor([[1.0], [2.0], [0.5]], dtype=torch.float64) * x
    for sign in (1.0, -1.0):
        probe = linear(sign * J, x)
        for name in ("centroid_alignment", "jacobian_alignment"):
            assert float(getattr(jacobian, name)().measure(probe)) == pytest.approx(sign, rel=1e-14)
        for name in ("full_jacobian_alignment", "jacobian_pc1"):
            assert float(getattr(jacobian, name)().measure(probe)) == pytest.approx(1.0, rel=1e-14)


SIGNED = {  # metric -> the one that it is on a scalar output, with the sign of the target
    jacobian.centroid_alignment: jacobian.jacobian_alignment,
    jacobian.centroid_inner_product: jacobian.jacobian_inner_product,
}


@pytest.mark.parametrize("factory", SIGNED)
def test_unsigned_centroids_of_a_scalar_output_cancel(factory):
    """f(x) = x_1 x_2 / 2, with two examples of each class: each is as aligned as the other, towards its target."""
    x = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    probe = made(lambda params, x: x.prod(1, keepdim=True) / 2.0, x, x.prod(1))
    assert float(factory().measure(probe)) == 0.0
    assert float(factory(signed=True).measure(probe)) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("factory", SIGNED)
@pytest.mark.parametrize("label", TASKS)
def test_signs_matter_to_scalar_outputs_alone(label, factory):
    probe = probe_of(label)
    expected = SIGNED[factory] if label == "xor" else factory
    assert torch.equal(factory(signed=True).measure(probe), expected().measure(probe))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "sigma",
    [
        *[(1.0, 1.0, 1.0), (1.0, 1.0 - 1e-7, 0.5), (1.0, 1.0 - 1e-12, 0.1)],
        *[(3e-12, 1e-12, 0.0), (1e9, 1.0, 1e-9), (3e19, 1e19, 0.0), (3e-22, 1e-22, 0.0)],
    ],
)
def test_pc1_needs_no_gap_between_singular_values_and_no_scale(sigma, dtype):
    left, right = torch.linalg.qr(normal(3, 3, seed=3)).Q, torch.linalg.qr(normal(8, 3, seed=2)).Q
    J = (left @ torch.diag(torch.tensor(sigma, dtype=torch.float64)) @ right.T).to(dtype)
    true = torch.linalg.svdvals(J.double())
    found = jacobian.jacobian_pc1().measure(linear(J, normal(2, 8).to(dtype)))
    tolerance = 1e-11 if dtype == torch.float64 else 1e-5
    assert found.dtype == dtype and float(found) == pytest.approx(float(true[0] ** 2 / (true**2).sum()), rel=tolerance)


def test_pc1_is_mapped_over_replicas():
    J = normal(5, 3, 8)
    x = normal(2, 8)
    mapped = vmap(lambda J: jacobian.jacobian_pc1().measure(linear(J, x)))(J)
    sigma = torch.linalg.svdvals(J)
    torch.testing.assert_close(mapped, sigma[:, 0] ** 2 / sigma.square().sum(1), rtol=1e-12, atol=0)


def test_a_relu_network_without_biases_is_its_jacobian():
    probe = probe_of("mnist")
    x, f = probe.splits["train"].inputs, probe.outputs("train")
    norms = [torch.autograd.functional.jacobian(oracles.Net(probe.params), each).norm() for each in x]
    expected = (f.norm(dim=1) / (torch.stack(norms) * x.norm(dim=1)).clamp_min(1e-8)).mean()
    assert float(jacobian.full_jacobian_alignment().measure(probe)) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_dead_network_has_zeros_not_nans(name):
    assert float(getattr(jacobian, name)().measure(dead(probe_of("sparse_parity")))) == 0.0


@pytest.mark.parametrize("label", ["xor", "modular_addition", "mnist"])
def test_a_group_measures_what_each_replica_measures(label):
    task = small(label)
    metrics = {name: getattr(jacobian, name)() for name in NAMES} | {"norm": standard.weight_norm()}
    step = make_step(task, metrics=metrics)
    group, _ = engine.start(step, (0, 1, 2), "cpu", torch.float64)
    for seed, values in enumerate(engine.evaluate(step, group, list(step.metrics), 0, {})):
        probe = probe_of(label, seed)
        for name, value in values.items():
            assert value == pytest.approx(float(step.metrics[name].measure(probe)), rel=1e-12)
