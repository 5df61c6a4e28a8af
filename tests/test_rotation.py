"""The exact change of coordinates: the full computation for every method that says it rotates, a refusal for others."""

from dataclasses import replace

import pytest
import torch

from grokbench import SGD, engine, random
from grokbench.metrics import jacobian, kernel, softmax, standard
from grokbench.tasks.xor import xor

from .helpers.small_cells import make_step, method

SIZES = {"dimensions": 90, "width": 8, "samples": 24, "test_samples": 20, "epsilon": 0.3}
ROTATING = (*jacobian.grokbench_metrics(), *softmax.grokbench_metrics())  # on any split
METRICS = {
    "norm": standard.weight_norm(),
    **{f"{split}_{factory.__name__}": factory(split) for split in ("train", "test", "noise") for factory in ROTATING},
    **{factory.__name__: factory() for factory in kernel.grokbench_metrics()},  # of training data
}


def test_every_metric_here_says_that_it_rotates():
    assert all(metric.rotates for metric in METRICS.values())
    assert not any(factory(split="test").rotates for factory in kernel.grokbench_metrics())  # products are not kept


def measured(task, regularizers, epochs=25):
    """Every metric at every epoch, (epochs, replicas, metrics), in float64."""
    step = make_step(task, regularizers, metrics=METRICS)
    group, _ = engine.start(step, (0, 1), "cpu", torch.float64)
    rows = []
    for epoch in range(epochs):
        values = engine.evaluate(step, group, list(step.metrics), epoch, {})
        rows.append([list(replica.values()) for replica in values])
        group = engine.train_epoch(step, group, epoch)
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("label", ["baseline", "grokfast_ma", "orthograd_decay", "grokalign_frobenius", "norm_sphere"])
def test_a_rotated_run_is_the_full_one(label):
    full = measured(xor(**SIZES), [method(label)])
    rotated = measured(xor(**SIZES, rotate=True), [method(label)])
    assert method(label).rotates and not torch.equal(full[0], full[-1])
    torch.testing.assert_close(rotated, full, rtol=1e-9, atol=1e-12)


def test_momentum_rotates_too():
    tasks = (replace(xor(**SIZES, rotate=rotate), optimizer=SGD(lr=0.1, momentum=0.8)) for rotate in (True, False))
    found, full = (measured(task, [method("baseline")]) for task in tasks)
    torch.testing.assert_close(found, full, rtol=1e-9, atol=1e-12)
    assert not torch.allclose(full[-1], measured(xor(**SIZES), [method("baseline")])[-1])


def test_combined_methods_rotate_together():
    both = [method("grokalign_frobenius"), method("orthograd"), method("grokfast_ema")]
    torch.testing.assert_close(
        measured(xor(**SIZES, rotate=True), both), measured(xor(**SIZES), both), rtol=1e-9, atol=1e-12
    )


def test_a_method_that_says_so_wrongly_would_be_found():
    noise = [method("placebo")]  # perturbs every coordinate by itself
    assert not noise[0].rotates
    assert not torch.allclose(measured(xor(**SIZES, rotate=True), noise), measured(xor(**SIZES), noise), rtol=1e-6)


def test_lengths_and_pre_activations_are_kept_on_every_split():
    full, rotated, key = xor(**SIZES), xor(**SIZES, rotate=True), random.key(5)
    W, V = full.init(key)["weight1"], rotated.init(key)["weight1"]
    assert V.shape == (8 + 24 + 1, 8) and not V[-1].any()
    before, after = full.splits(key), rotated.splits(key)
    for name in full.split_names:
        x, y = before[name].inputs, after[name].inputs
        torch.testing.assert_close(y @ V, x @ W, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(y.norm(dim=1), x.norm(dim=1), rtol=1e-11, atol=0)
        assert torch.equal(before[name].targets, after[name].targets)
    assert not after["train"].inputs[:, -1].any()


def test_a_rotated_task_is_weighed_without_being_drawn():
    params, data = engine.replica_size(xor(rotate=True))  # the Gram matrix alone would take seconds
    assert params["weight1"].shape == (1425, 1024) and data == 1200 * 1425 + 1200


def test_dependent_inputs_are_refused():
    with pytest.raises(ValueError, match="linearly dependent: use rotate: false"):
        xor(dimensions=30, width=2, samples=20, test_samples=4, epsilon=0.0, rotate=True).init(random.key(0))


def test_a_rotation_that_saves_nothing_is_refused():
    with pytest.raises(ValueError, match="rotate needs width \\+ samples, 32, below dimensions, 32"):
        xor(**SIZES | {"dimensions": 32}, rotate=True)
