"""The arithmetic of an epoch, counted by hand."""

import pytest
import torch
from torch.func import vmap
from torch.utils.flop_counter import FlopCounterMode

from grokbench import AdamW, Batch, Regularizer, engine
from grokbench.engine.arithmetic import FORMULAS, flop_per_epoch
from grokbench.task import Task

from .helpers.small_cells import make_step, method, small


def counted(function, *shapes):
    matrices = [torch.randn(3, *shape, dtype=torch.float64) for shape in shapes]
    symmetric = [a @ a.mT if a.shape[-1] == a.shape[-2] else a for a in matrices]
    with FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        vmap(function)(*symmetric)
    return counter.get_total_flops() // 3


@pytest.mark.parametrize(
    ("function", "shapes", "operations"),
    [
        (torch.linalg.eigh, [(6, 6)], 9 * 6**3),
        (torch.linalg.svd, [(9, 6)], 14 * 9 * 36 + 8 * 6**3),
        (torch.linalg.svd, [(6, 9)], 14 * 9 * 36 + 8 * 6**3),
        (torch.linalg.qr, [(9, 6)], 4 * 36 * 7),
        (torch.linalg.cholesky, [(6, 6)], 72),
        (torch.linalg.inv, [(6, 6)], 2 * 6**3),
        (torch.linalg.solve, [(6, 6), (6, 4)], 144 + 2 * 36 * 4),
        (lambda a, b: torch.linalg.solve_triangular(a.triu(), b, upper=True), [(6, 6), (6, 4)], 36 * 4),
    ],
    ids=["eigh", "svd tall", "svd wide", "qr", "cholesky", "inverse", "solve", "triangular"],
)
def test_factorizations_have_their_textbook_counts(function, shapes, operations):
    assert counted(function, *shapes) == operations


def linear(examples=8, inputs=5, outputs=3, batch_size=None):
    """A linear network without biases: one product forward, one backward (inputs need no gradient)."""
    return Task(
        splits=lambda key: {"train": Batch(torch.ones(examples, inputs), torch.zeros(examples, dtype=torch.int64))},
        split_names=("train",),
        train_size=examples,
        init=lambda key: {"w": torch.ones(inputs, outputs)},
        forward=lambda params, x: x @ params["w"],
        loss=lambda z, y: z.square().mean(),
        correct=lambda z, y: z.argmax(-1) == y,
        optimizer=AdamW(lr=0.1),
        batch_size=batch_size,
        epochs=1,
        grokked={},
        roles={"w": "readout"},
    )


def test_the_count_is_that_of_torch(tiny_data):
    step = make_step(small("cifar10"), (method("grokalign"),))
    group, _ = engine.start(step, (0, 1), "cpu", torch.float32)
    with FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        engine.train_epoch(step, group, 0)
    assert flop_per_epoch(step, group) == counter.get_total_flops() // 2


def count(step, seeds=(0, 1)):
    group, _ = engine.start(step, seeds, "cpu", torch.float32)
    return flop_per_epoch(step, group)


@pytest.mark.parametrize("batch_size", [None, 3])
def test_an_epoch_is_its_products_whatever_the_batches(batch_size):
    assert count(make_step(linear(batch_size=batch_size))) == 2 * (2 * 8 * 5 * 3)


def test_a_methods_factorization_counts_once_a_step():
    def orthogonal(grads, state, at):
        return {"w": torch.linalg.svd(grads["w"], full_matrices=False)[0]}, state

    step = make_step(linear(), [Regularizer(transform=orthogonal)])
    assert count(step) == 2 * (2 * 8 * 5 * 3) + 14 * 5 * 9 + 8 * 27


def test_a_replicas_count_does_not_depend_on_the_group():
    step = make_step(small("sparse_parity"), [method("grokalign")])
    assert count(step, (0, 1)) == count(step, (0, 1, 2)) > count(make_step(small("sparse_parity")))
