"""The procedure of the paper's authors, after their released scripts for MNIST (`accelerating_grokking.py`).

One seed in float64; a DataLoader with four workers per split, whose processes start anew at every pass; a second
forward pass for GrokAlign's penalty, and gradients of the inputs that nobody reads; the splits are looked at every ten
epochs, training set included. Kind to it: examples are tensors already, where the scripts transform images one by one,
and the optimizer, the loss and the methods are those of the plain loop. Like the loop and unlike the scripts it
shuffles, since the tasks do.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import plain_loop
from benchmarks.cases import Case
from benchmarks.plain_loop import Plain
from benchmarks.plain_methods import jacobian_norm
from grokbench.types import Batch

__all__ = ["EVALUATE_EVERY", "WORKERS", "Training", "evaluate", "start", "train"]

EVALUATE_EVERY = 10  # epochs
WORKERS = 4  # processes of a loader


@dataclass(frozen=True)
class Training:
    """One seed in training."""

    plain: Plain  # network, optimizer, loss
    loaders: Mapping[str, DataLoader[tuple[Tensor, ...]]]  # by split


def start(case: Case, seed: int, workers: int = WORKERS) -> Training:
    """A seed of a case before any update, in float64 whatever the case's precision."""
    plain = plain_loop.start(replace(case, precision="float64"), seed)
    usual = plain_loop.optimizer(case.full.task.optimizer, plain.network, {})
    loaders = {name: _loader(split, plain.batch_size, name == "train", workers) for name, split in plain.splits.items()}
    return Training(replace(plain, optimizer=usual, splits={}), loaders)


def _loader(split: Batch, size: int | None, shuffle: bool, workers: int) -> DataLoader[tuple[Tensor, ...]]:
    """Batches of so many examples; all of them, in their order, where there is no size."""
    dataset = TensorDataset(split.inputs.cpu(), split.targets.cpu())
    warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than cores, at every pass: so it is
    return DataLoader(dataset, size or len(dataset), shuffle=shuffle and size is not None, num_workers=workers)


def train(training: Training, epochs: int) -> list[dict[str, float]]:
    """Train on; returns the accuracies on every split, after each tenth of these epochs."""
    history = []
    for epoch in range(1, epochs + 1):
        for inputs, targets in _batches(training, "train"):
            _step(training.plain, inputs, targets)
        if epoch % EVALUATE_EVERY == 0:
            history.append(evaluate(training))
    return history


def _batches(training: Training, split: str) -> Iterator[tuple[Tensor, Tensor]]:
    for inputs, targets in training.loaders[split]:
        yield inputs.to(training.plain.device), targets.to(training.plain.device)


def _step(plain: Plain, inputs: Tensor, targets: Tensor) -> None:
    if plain.grokalign:
        inputs.requires_grad_()
    total = plain.loss(plain.network(inputs), targets)
    if plain.grokalign:
        again = plain.network(inputs)
        total = total + jacobian_norm(again, inputs, lambda _, like: torch.randn_like(like), **plain.grokalign)
    plain.optimizer.zero_grad()
    total.backward()
    for filtered in plain.filters:
        filtered(plain.network.parameters())
    plain.optimizer.step()


@torch.no_grad()
def evaluate(training: Training) -> dict[str, float]:
    """Accuracy on every split, batch by batch."""
    plain, values = training.plain, {}
    for split in training.loaders:
        shares = [(plain.accuracy(plain.network(x), y).item(), len(y)) for x, y in _batches(training, split)]
        values[f"{split}_accuracy"] = sum(share * n for share, n in shares) / sum(n for _, n in shares)
    return values
