"""The batches of an epoch: which examples they hold, of whose data, and how a recording asks for them."""

from dataclasses import replace

import pytest
import torch

from grokbench import Batch, engine
from grokbench.engine import draws

from .cases import make_step, small

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
    batches = list(draws.batches(step, group, 5))
    assert [axis for _, axis in batches] == [0, 0, 0]
    assert [batch.targets.shape for batch, _ in batches] == [(3, 3), (3, 3), (3, 1)]
    seen = torch.cat([batch.targets for batch, _ in batches], 1)
    assert torch.equal(seen.sort(1).values, rows) and not torch.equal(seen, rows)
    assert torch.equal(seen, rows.gather(1, draws.draw(step, group, 5).order))


def test_inputs_keep_their_shape_and_stay_with_their_targets(drawn):
    for batch, _ in draws.batches(*drawn[:2], 0):
        assert batch.inputs.shape == (*batch.targets.shape, 2, 1) and batch.inputs.dtype == torch.float32
        assert torch.equal(batch.inputs[..., 0, 0], batch.targets.float())
        assert torch.equal(batch.inputs[..., 1, 0], -batch.targets.float())


def test_a_batch_whose_number_is_a_tensor_is_the_same(drawn):
    step, group, _ = drawn
    pass_ = draws.draw(step, group, 2)
    for number in (0, 1):
        known, told = (draws.batch_of(step, group, pass_, n)[0] for n in (number, torch.tensor(number)))
        assert torch.equal(known.inputs, told.inputs) and torch.equal(known.targets, told.targets)
