"""Methods against independent implementations, to 1e-6 or better: torch's own functions, and other packages.

Needs the extra `oracles`; `nox -s oracles` installs it. The tests of the other modules compare with plain loops.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grokbench import random
from grokbench.regularizers import clip_to_grok, dropout, l2_to_init, label_smoothing, logit_temperature
from grokbench.tasks import _losses

from .helpers.phase_inputs import at, normals

AdamAtan2 = pytest.importorskip("adam_atan2_pytorch").AdamAtan2

pytestmark = pytest.mark.oracles

CLOSE = dict(rtol=1e-6, atol=1e-9)
TARGETS = torch.arange(40) % 7


def graded(loss, outputs):
    outputs = outputs.clone().requires_grad_()
    value = loss(outputs, TARGETS)
    return value.detach(), torch.autograd.grad(value, outputs)[0]


def same(loss, other):
    """The same values and gradients, for small and for confident outputs."""
    for scale in (0.1, 1.0, 30.0):
        outputs = scale * normals(40, 7)
        for found, expected in zip(graded(loss, outputs), graded(other, outputs), strict=True):
            torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.9])
def test_label_smoothing_is_that_of_torch(epsilon):
    own = label_smoothing.label_smoothing(epsilon=epsilon).objective(_losses.cross_entropy)
    same(own, nn.CrossEntropyLoss(label_smoothing=epsilon))


@pytest.mark.parametrize("tau", [0.5, 2.0, 10.0])
def test_the_temperature_divides_the_logits_of_torchs_cross_entropy(tau):
    own = logit_temperature.logit_temperature(tau=tau).objective(_losses.cross_entropy)
    same(own, lambda outputs, targets: F.cross_entropy(outputs / tau, targets))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_has_the_moments_and_values_of_torchs(p):
    h = 2.0 + normals(400, 200)
    own = dropout.dropout(p=p).hidden(h, "hidden1", (), at({}, key=random.key(3)))
    torch.manual_seed(1)  # `normals` draws h with seed 0
    theirs = F.dropout(h, p)
    error = (p / (1.0 - p) * h.square().mean() / h.numel()).sqrt()  # of the mean
    for kept in (own, theirs):
        torch.testing.assert_close(kept[kept != 0.0], h[kept != 0.0] / (1.0 - p), **CLOSE)
        assert abs(kept.mean() - h.mean()) < 4.0 * error
        assert abs(((kept == 0.0).double().mean() - p) / (p * (1.0 - p) / h.numel()) ** 0.5) < 4.0


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (6, 6)])
def test_clipping_is_the_renorm_of_a_torch_layers_rows(shape):
    layer = nn.Linear(*shape, dtype=torch.float64)
    layer.weight.data = normals(*layer.weight.shape)
    params = {"w": layer.weight.data.T}
    c = float(layer.weight.data.norm(dim=1).median())
    clipped, _ = clip_to_grok.clip_to_grok(c=c).project(params, (), at(params, roles={"w": "hidden"}))
    expected = torch.renorm(layer.weight.data, 2, 0, c)
    assert not torch.equal(expected, layer.weight.data) and (expected == layer.weight.data).any()
    torch.testing.assert_close(clipped["w"], expected.T, **CLOSE)


def test_l2_to_init_under_sgd_is_the_regenerative_regularization_of_adam_atan2():
    start, later, strength = normals(5, 4), normals(5, 4, seed=1), 0.3
    w = nn.Parameter(start.clone())
    theirs = AdamAtan2([w], lr=0.1, regen_reg_rate=2.0 * strength)
    w.grad = torch.zeros_like(w)  # so that nothing else moves the weights
    theirs.step()  # keeps the initial weights
    w.data = later.clone()
    theirs.step()
    own = l2_to_init.l2_to_init(strength=strength)
    now = later.clone().requires_grad_()
    (slope,) = torch.autograd.grad(own.penalty(None, own.init({"w": start}), at({"w": now})), now)
    torch.testing.assert_close(later - 0.1 * slope, w.data, **CLOSE)
