"""StableMax cross-entropy against its definition, where softmax's own collapses, and at the ends of float32."""

import pytest
import torch

from grokbench.conformance import small_plugins
from grokbench.regularizers.stablemax import cross_entropy, log_s, stablemax
from grokbench.tasks import _losses

from .helpers.oracle_methods import stablemax_cross_entropy
from .helpers.phase_inputs import DOUBLE, normals
from .helpers.small_cells import small

TARGETS = torch.tensor([0, 2, 1, 1, 0, 2])


def logits(scale=1.0, seed=0):
    z = scale * normals(6, 3, seed=seed)
    z[0, 1], z[3, 1] = 0.0, -0.0
    return z


def graded(loss, z, targets=TARGETS):
    z = z.clone().requires_grad_()
    value = loss(z, targets)
    return value.detach(), torch.autograd.grad(value, z)[0]


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 30.0, 1e3])
def test_the_loss_and_its_gradient_are_those_of_the_definition(scale):
    for found, expected in zip(
        graded(cross_entropy, logits(scale)), graded(stablemax_cross_entropy, logits(scale)), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)


def test_s_is_continuous_with_slope_one_at_zero():
    z = torch.tensor([-1e-9, -0.0, 0.0, 1e-9], dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(log_s(z).sum(), z)
    torch.testing.assert_close(log_s(z).detach(), z.detach(), rtol=0.0, atol=1e-17)
    torch.testing.assert_close(slope, torch.ones_like(z), rtol=0.0, atol=2e-9)


def test_the_gradient_is_that_of_finite_differences():
    z = logits(3.0) + 0.1
    assert torch.autograd.gradcheck(lambda z: cross_entropy(z, TARGETS), z.requires_grad_())
    assert torch.autograd.gradgradcheck(lambda z: cross_entropy(z, TARGETS), z)


@pytest.mark.parametrize("margin", [1.0, 1e2, 1e4, 1e6, 1e8])
def test_float32_keeps_the_loss_where_the_quotient_and_softmax_lose_it(margin):
    rows, targets = torch.tensor([[margin, -margin, -margin / 2]], dtype=torch.float64), torch.tensor([0])
    for found, expected in zip(
        graded(cross_entropy, rows.float(), targets), graded(cross_entropy, rows, targets), strict=True
    ):
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0.0)
    s_y, others = 1.0 + margin, 1.0 / (1.0 + margin) + 1.0 / (1.0 + margin / 2)
    assert float(cross_entropy(rows, targets)) == pytest.approx(float(torch.tensor(others / s_y).log1p()), rel=1e-6)
    if margin >= 1e4:
        assert float(stablemax_cross_entropy(rows.float(), targets)) == 0.0
    if margin >= 1e2:
        assert float(torch.nn.functional.cross_entropy(rows.float(), targets)) == 0.0


@pytest.mark.parametrize("part", [4, 32])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_outputs_do_not_overflow(dtype, part):
    largest = torch.finfo(dtype).max / part
    if not torch.tensor(largest, dtype=dtype).log1p().isfinite():
        pytest.skip("log1p itself is infinite there: torch 2.6, from 2e307")
    for row in ([largest, 0.0, -largest], [-largest, largest, largest], [largest] * 3, [-largest] * 3):
        value, grads = graded(cross_entropy, torch.tensor([row], dtype=dtype), torch.tensor([0]))
        assert value.isfinite() and value >= 0 and grads.isfinite().all()


def test_uniform_logits_cost_log_of_the_number_of_classes():
    for level in (-5.0, 0.0, 5.0):
        found = cross_entropy(torch.full((6, 3), level, dtype=torch.float64), TARGETS)
        torch.testing.assert_close(found, torch.tensor(3.0, dtype=torch.float64).log(), **DOUBLE)


def test_stablemax_replaces_the_loss_and_declares_its_needs():
    method = stablemax()
    assert method.objective(None) is cross_entropy
    assert method.privileges == {"loss"} and method.facts == ("cross_entropy",)


@pytest.mark.parametrize("label", small_plugins.TASKS)
def test_a_task_says_that_its_loss_is_a_cross_entropy(label):
    task = small(label)
    assert ("cross_entropy" in task.facts) == (task.loss in (_losses.cross_entropy, _losses.precise_cross_entropy))
