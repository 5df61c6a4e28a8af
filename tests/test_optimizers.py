"""SGD and AdamW are torch.optim's, element by element, for one replica and for a stack, whatever the memory layout."""

import pytest
import torch

from grokbench.optimizers import SGD, AdamW

RECORDS = {
    "sgd": SGD(lr=0.1),
    "sgd_decay": SGD(lr=0.1, weight_decay=0.3),
    "sgd_momentum": SGD(lr=0.1, weight_decay=0.3, momentum=0.8),
    "adamw": AdamW(),
    "adamw_decay": AdamW(lr=0.01, weight_decay=1.0, betas=(0.9, 0.98), eps=1e-6),
}
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13}


def reference(record, params):
    options = dict(lr=record.lr, weight_decay=record.weight_decay, foreach=False, fused=False)
    if isinstance(record, SGD):
        return torch.optim.SGD(params, momentum=record.momentum, **options)
    return torch.optim.AdamW(params, betas=record.betas, eps=record.eps, **options)


def start(dtype, layout):
    """Parameters, and 20 gradients each, in some memory layout."""
    generator = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    params = {"weight1": draw(5, 4), "bias1": draw(4), "weight2": draw(4, 1), "stack": draw(3, 6, 2)}
    gradients = [{name: layout(draw(*p.shape)) for name, p in params.items()} for _ in range(20)]
    return params, gradients


LAYOUTS = {
    "contiguous": lambda g: g,
    "transposed": lambda g: g.transpose(-1, -2).contiguous().transpose(-1, -2) if g.ndim > 1 else g,
    "strided": lambda g: torch.stack([g, torch.zeros_like(g)], -1)[..., 0],
    "expanded": lambda g: g[..., :1].expand(g.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", RECORDS)
def test_twenty_steps_are_those_of_torch(name, dtype, layout):
    params, gradients = start(dtype, LAYOUTS[layout])
    record, wanted = RECORDS[name], [p.clone().requires_grad_() for p in params.values()]
    optimizer, state = reference(record, wanted), record.init(params)
    for grads in gradients:
        kept = [g.clone(memory_format=torch.contiguous_format) for g in grads.values()]
        params, state = record.update(params, grads, state)
        for p, g in zip(wanted, kept, strict=True):
            p.grad = g
        optimizer.step()
    for p, expected in zip(params.values(), wanted, strict=True):
        torch.testing.assert_close(p, expected.detach(), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("name", RECORDS)
def test_parameters_of_another_layout_are_updated_alike(name):
    record = RECORDS[name]
    plain, gradients = start(torch.float64, LAYOUTS["contiguous"])
    turned = {n: LAYOUTS["transposed"](p) for n, p in plain.items()}
    states = record.init(plain), record.init(turned)
    for grads in gradients:
        plain, first = record.update(plain, {n: g.clone() for n, g in grads.items()}, states[0])
        turned, second = record.update(turned, {n: g.clone() for n, g in grads.items()}, states[1])
        states = first, second
    for n, p in plain.items():
        torch.testing.assert_close(turned[n], p, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", RECORDS)
def test_a_stack_of_replicas_is_each_replica(name):
    record = RECORDS[name]
    generator = torch.Generator().manual_seed(2)
    stack = {"w": torch.randn(3, 4, 2, generator=generator, dtype=torch.float64)}
    alone = [{"w": stack["w"][row].clone()} for row in range(3)]
    state, states = record.init(stack), [record.init(params) for params in alone]
    for _ in range(20):
        g = torch.randn(3, 4, 2, generator=generator, dtype=torch.float64)
        stack, state = record.update(stack, {"w": g.clone()}, state)
        for row in range(3):
            alone[row], states[row] = record.update(alone[row], {"w": g[row].clone()}, states[row])
    for row in range(3):
        torch.testing.assert_close(stack["w"][row], alone[row]["w"], rtol=1e-14, atol=1e-14)


def test_the_gradient_and_its_order_are_looked_up_by_name():
    record = SGD(lr=1.0)
    params = {"a": torch.zeros(2), "b": torch.zeros(2)}
    params, _ = record.update(params, {"b": torch.full((2,), 2.0), "a": torch.full((2,), 1.0)}, record.init(params))
    assert params["a"].tolist() == [-1.0, -1.0] and params["b"].tolist() == [-2.0, -2.0]


def test_only_momentum_has_a_state():
    params = {"a": torch.ones(2)}
    assert SGD(lr=1.0).init(params) == ()
    assert SGD(lr=1.0, momentum=0.2).init(params)["a"].tolist() == [0.0, 0.0]


def test_every_parameter_counts_its_updates_once():
    record = AdamW()
    params = {"a": torch.zeros(2), "b": torch.zeros(3)}
    state = record.init(params)
    for _ in range(4):
        params, state = record.update(params, {n: torch.ones_like(p) for n, p in params.items()}, state)
    assert [float(count) for count in state.updates.values()] == [4.0, 4.0]


def test_the_order_of_weight_decay_and_update():
    assert AdamW().decoupled and not SGD(lr=0.1).decoupled
