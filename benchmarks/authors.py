"""The procedure of the paper's authors, after their released scripts for MNIST (`accelerating_grokking.py`).

It trains one seed in float64. Each split has a DataLoader of four workers, whose processes start again at every pass.
GrokAlign's penalty has a second forward pass, and the gradients of the inputs are computed without being used. All
splits are evaluated every ten epochs, the training set included. Two things make it faster than the scripts: examples
are tensors from the start, where the scripts transform images one by one, and the optimizer, the loss and the methods
are those of the plain loop. Unlike the scripts it shuffles, because the tasks do.
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
    """One seed in training.

    Attributes:
        plain: network, optimizer, loss and methods.
        loaders: split -> its DataLoader.
    """

    plain: Plain
    loaders: Mapping[str, DataLoader[tuple[Tensor, ...]]]


def start(case: Case, seed: int, workers: int = WORKERS) -> Training:
    """Initialise a seed of a case, in float64 whatever the case's precision."""
    plain = plain_loop.start(replace(case, precision="float64"), seed)
    usual = plain_loop.optimizer(case.full.task.optimizer, plain.network, {})
    loaders = {name: _loader(split, plain.batch_size, name == "train", workers) for name, split in plain.splits.items()}
    return Training(replace(plain, optimizer=usual, splits={}), loaders)


def _loader(split: Batch, size: int | None, shuffle: bool, workers: int) -> DataLoader[tuple[Tensor, ...]]:
    """Return a DataLoader of batches of `size` examples; of the whole split, unshuffled, if `size` is None."""
    dataset = TensorDataset(split.inputs.cpu(), split.targets.cpu())
    warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than cores, as in the scripts
    return DataLoader(dataset, size or len(dataset), shuffle=shuffle and size is not None, num_workers=workers)


def train(training: Training, epochs: int) -> list[dict[str, float]]:
    """Continue training; return the accuracies on every split after every tenth of these epochs."""
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
    """Measure the accuracy on every split, batch by batch."""
    plain, values = training.plain, {}
    for split in training.loaders:
        shares = [(plain.accuracy(plain.network(x), y).item(), len(y)) for x, y in _batches(training, split)]
        values[f"{split}_accuracy"] = sum(share * n for share, n in shares) / sum(n for _, n in shares)
    return values
