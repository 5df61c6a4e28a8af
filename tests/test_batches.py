"""What an epoch draws: batches and keys, of whom, and how a recording asks for them."""

from dataclasses import replace

import pytest
import torch
from torch.func import grad

from grokbench import Batch, Metric, engine, random
from grokbench.engine import batches
from grokbench.regularizer import Regularizer

from .helpers.small_cells import make_step, method, small

SEEDS, N, SIZE = (1000, 1001, 1002), 7, 3


@pytest.fixture(params=["own", "shared"])
def drawn(request):
    """A step with batches of three of seven examples, a group that has them, and the rows of each replica's data."""
    step = make_step(replace(small("sparse_parity"), train_size=N, batch_size=SIZE))
    group, _ = engine.start(step, SEEDS, "cpu", torch.float32)
    rows = torch.arange(len(SEEDS) * N).reshape(len(SEEDS), N)
    rows = rows if request.param == "own" else rows[:1].expand(len(SEEDS), N)
    data = rows if request.param == "own" else rows[0]
    train = Batch(torch.stack([data, -data], -1)[..., None].float(), data)
    own, shared = ({"train": train}, {}) if request.param == "own" else ({}, {"train": train})
    return step, replace(group, own=own, shared=shared), rows


def test_an_epoch_shows_every_replica_each_of_its_examples_once(drawn):
    step, group, rows = drawn
    passed = list(batches.epoch_batches(step, group, 5))
    assert [axis for _, axis in passed] == [0, 0, 0]
    assert [batch.targets.shape for batch, _ in passed] == [(3, 3), (3, 3), (3, 1)]
    seen = torch.cat([batch.targets for batch, _ in passed], 1)
    assert torch.equal(seen.sort(1).values, rows) and not torch.equal(seen, rows)
    assert torch.equal(seen, batches.draw(step, group, 5).rows)


def test_inputs_keep_their_shape_and_stay_with_their_targets(drawn):
    for batch, _ in batches.epoch_batches(*drawn[:2], 0):
        assert batch.inputs.shape == (*batch.targets.shape, 2, 1) and batch.inputs.dtype == torch.float32
        assert torch.equal(batch.inputs[..., 0, 0], batch.targets.float())
        assert torch.equal(batch.inputs[..., 1, 0], -batch.targets.float())


def test_a_batch_whose_number_is_a_tensor_is_the_same(drawn):
    step, group, _ = drawn
    pass_ = batches.draw(step, group, 2)
    for number in (0, 1):
        known, told = (batches.batch_of(step, group, pass_, n)[0] for n in (number, torch.tensor(number)))
        assert torch.equal(known.inputs, told.inputs) and torch.equal(known.targets, told.targets)


@pytest.mark.parametrize("epoch", [5, torch.tensor(5)])
def test_a_method_has_a_key_of_seed_epoch_step_and_method(epoch):
    step = make_step(small("modular_addition"), [method("grokfast_ema"), method("gaussian_noise")])
    group, _ = engine.start(step, (7, 8), "cpu", torch.float64)
    keys = batches.draw(step, group, epoch).keys
    for row, seed in enumerate((7, 8)):
        for number in range(3):
            of_step = random.fold(random.key(seed), "regularizer", 5, number)
            expected = [random.fold(of_step, "method", at) for at in range(2)]
            assert keys[number, row].tolist() == [int(key) for key in expected]


def test_no_key_is_folded_for_methods_that_draw_nothing(monkeypatch):
    step = make_step(
        small("sparse_parity"),
        [Regularizer()],
        metrics={"it": Metric(measure=lambda probe: probe.outputs("train").sum())},
    )
    group, _ = engine.start(step, (7, 8), "cpu", torch.float64)
    folded = []
    monkeypatch.setattr(random, "fold", lambda *about: folded.append(about))
    engine.evaluate(step, engine.train_epoch(step, group, 0), ["it"], 1, {})
    assert batches.draw(step, group, 1).keys.shape == (1, 2, 0) and not folded


def test_a_metric_that_draws_has_a_key_of_seed_and_evaluation():
    looked = Metric(measure=lambda probe: (probe.key >> 32) + 0 * probe.key)
    step = make_step(small("sparse_parity"), metrics={"key": looked})
    group, _ = engine.start(step, (7, 8), "cpu", torch.float64)
    for row, values in enumerate(engine.evaluate(step, group, ["key"], 3, {})):
        assert values["key"] == int(random.fold(random.key((7, 8)[row]), "evaluation", 3)) >> 32


def test_a_key_may_be_looked_at_inside_of_a_gradient_and_outside_again():
    def curved(probe):
        x = torch.ones(2, dtype=torch.float64)
        noise = lambda x: (x * x * random.normal(probe.key, (2,))).sum()  # noqa: E731
        return grad(lambda x: grad(noise)(x).sum())(x).sum() - 2 * random.normal(probe.key, (2,)).sum()

    step = make_step(small("sparse_parity"), metrics={"curved": Metric(measure=curved)})
    group, _ = engine.start(step, (7, 8), "cpu", torch.float64)
    found = engine.evaluate(step, group, ["curved"], 3, {})
    assert [row["curved"] for row in found] == pytest.approx([0, 0], abs=1e-12)
