"""The norm of the weights stays what it was at the start, whatever the optimizer does."""

import pytest
import torch

from grokbench.regularizers.norm_sphere import norm_sphere

from .helpers.phase_inputs import DOUBLE, at, flat, parameters
from .helpers.small_cells import epochs_for, replica, small, trained

LABELS = ["xor", "sparse_parity", "modular_addition"]


def projected(start, now, **options):
    method = norm_sphere(**options)
    params, _ = method.project(now, method.init(start), at(now))
    return params


def begun_and_ended(label, **options):
    """The parameters of two replicas before and after 20 steps."""
    task = small(label)
    pair = [trained(task, [norm_sphere(**options)], (3, 4), epochs).params for epochs in (0, epochs_for(task))]
    return [tuple(replica(params, row) for params in pair) for row in range(2)]


@pytest.mark.parametrize("label", LABELS)
def test_the_norm_of_all_parameters_is_kept_in_training(label):
    for before, after in begun_and_ended(label):
        torch.testing.assert_close(flat(after).norm(), flat(before).norm(), **DOUBLE)
        assert not torch.allclose(flat(after), flat(before), rtol=1e-3)
        assert abs(float(after["weight1"].norm() / before["weight1"].norm()) - 1.0) > 1e-6  # not tensor by tensor


@pytest.mark.parametrize("label", LABELS)
def test_the_norm_of_each_tensor_is_kept_in_training(label):
    for before, after in begun_and_ended(label, scope="tensor"):
        for name, p in after.items():
            torch.testing.assert_close(p.norm(), before[name].norm(), **DOUBLE)


@pytest.mark.parametrize("scope", ["global", "tensor"])
def test_a_projection_only_rescales(scope):
    start, now = parameters(0), parameters(9)
    out = projected(start, now, scope=scope)
    for name, p in now.items():
        whole = (flat(start).norm() / flat(now).norm()) if scope == "global" else start[name].norm() / p.norm()
        torch.testing.assert_close(out[name], whole * p, **DOUBLE)
    assert list(out) == list(now)


@pytest.mark.parametrize("scope", ["global", "tensor"])
def test_a_cap_only_shrinks(scope):
    start = parameters(0)
    smaller, larger = ({name: factor * p for name, p in start.items()} for factor in (0.5, 2.0))
    assert all(torch.equal(p, smaller[name]) for name, p in projected(start, smaller, scope=scope, cap=True).items())
    for name, p in projected(start, larger, scope=scope, cap=True).items():
        torch.testing.assert_close(p, start[name], **DOUBLE)


def test_a_tensor_that_starts_at_zero_stays_zero_by_itself_and_moves_among_the_others():
    start, now = parameters(0), parameters(9)
    start["bias1"] = torch.zeros(4, dtype=torch.float64)
    assert not projected(start, now, scope="tensor")["bias1"].any()
    assert projected(start, now)["bias1"].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parameters_that_die_stay_finite(dtype):
    start = {name: p.to(dtype) for name, p in parameters(0).items()}
    for scale in (0.0, 1e-35):
        for scope in ("global", "tensor"):
            out = projected(start, {name: scale * p for name, p in start.items()}, scope=scope)
            assert all(p.isfinite().all() for p in out.values())
