"""Groups that shrink: replicas that are done leave at fixed sizes, and nobody else's numbers move."""

from dataclasses import fields

import pytest
import torch

from grokbench import engine, random
from grokbench.engine import groups, loop
from grokbench.engine.gradients import LookaheadGradients
from grokbench.engine.groups import ladder
from grokbench.records import Outcome
from grokbench.regularizer import Regularizer

from .helpers.small_cells import method, small, train_events, train_runs, trained

pytestmark = pytest.mark.usefixtures("tiny_data")


def jolt(grads, state, at):
    """Noise on the gradients, drawn after a look ahead may have been taken along to a smaller group."""
    noise = {n: random.normal(random.fold(at.key, n), tuple(g.shape), g.dtype) for n, g in grads.items()}
    return {n: g + 0.01 * noise[n] for n, g in grads.items()}, state


@pytest.mark.parametrize("act", [method("grokfast_ma"), Regularizer(transform=jolt)], ids=["grokfast_ma", "jolt"])
@pytest.mark.parametrize("label", ["xor", "sparse_parity", "modular_addition"])
def test_replicas_that_are_done_do_not_move_the_others(label, act):
    task, seeds, epochs = small(label), tuple(range(5)), 12
    whole = train_runs(task, [act], seeds, epochs)
    thresholds = sorted(run.curves["train_loss"].values[4] for run in whole)
    grokked = {"train_loss": f"< {(thresholds[1] + thresholds[2]) / 2!r}"}
    raced, progress = train_events(task, [act], seeds, epochs, grokked=grokked, stop="grokked")
    assert any(0 < event.active <= 3 for event in progress)  # the group went down its ladder
    for run, full in zip(raced, whole, strict=True):
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx(full.curves[metric].values[: len(curve.values)], rel=1e-9)
        hits = [e for e, v in enumerate(full.curves["train_loss"].values) if v < float(grokked["train_loss"][2:])]
        assert (run.outcome, run.grokked_at) == ((Outcome.GROKKED, hits[0]) if hits else (Outcome.CENSORED, None))


def test_a_shrunken_group_keeps_the_replicas_that_are_left():
    group = trained(small("sparse_parity"), [method("grokfast_ma")], range(5), 2)
    grads, each = {name: p + 1 for name, p in group.params.items()}, torch.arange(5.0)
    pending = LookaheadGradients(grads, losses=each, outputs=each[:, None, None], keys=group.keys[:, None])
    smaller, kept = groups.shrink(group, [1, 4]), groups.select_replicas(pending, [1, 4])
    assert smaller.seeds == (1, 4)
    assert kept.losses.tolist() == kept.outputs.flatten().tolist() == [1.0, 4.0]
    assert torch.equal(kept.keys[:, 0], smaller.keys)
    for new, old in enumerate((1, 4)):
        assert smaller.keys[new] == group.keys[old]
        for name, p in group.params.items():
            assert torch.equal(smaller.params[name][new], p[old])
            assert torch.equal(smaller.optimizer.mean[name][new], group.optimizer.mean[name][old])
            assert torch.equal(smaller.states[0].ring[name][new], group.states[0].ring[name][old])
            assert torch.equal(kept.grads[name][new], p[old] + 1)


@pytest.mark.parametrize(("size", "sizes"), [(1, [2]), (2, [2]), (3, [3, 2]), (5, [5, 3, 2]), (25, [25, 13, 7, 4, 2])])
def test_the_ladder_halves_down_to_two_on_cuda(size, sizes):
    assert ladder(size, "cuda") == sizes


@pytest.mark.parametrize(("size", "sizes"), [(1, [2]), (2, [2]), (3, [3, 2]), (5, [5, 4, 3, 2])])
def test_the_ladder_has_every_size_down_to_two_on_a_cpu(size, sizes):
    assert ladder(size, "cpu") == sizes


def test_a_group_is_never_of_one(monkeypatch):
    sizes = []
    begin = engine.start
    monkeypatch.setattr(loop, "start", lambda step, seeds, *to: sizes.append(len(seeds)) or begin(step, seeds, *to))
    (run,) = train_runs(small("sparse_parity"), [], (3,), 5)
    assert sizes == [2] and run.seed == 3 and run.group == (3,)
    (pair, _) = train_runs(small("sparse_parity"), [], (3, 4), 5)
    assert run.curves["test_loss"].values == pair.curves["test_loss"].values  # bit for bit: the same kernels


def test_every_field_of_a_group_but_its_seeds_is_trained_or_constant():
    """A flat graph gets the fields by these names; a field without a name would be recorded as a constant."""
    assert sorted([*groups.TRAINING_STATE, *groups.CONSTANT, "seeds"]) == sorted(f.name for f in fields(groups.Group))
