"""A well-written PyTorch loop for one seed: modules, autograd, torch.optim, data in memory.

It uses no DataLoader: an epoch's batches are views of one shuffled copy. It evaluates the same metrics as the engine
and as often, and uses torch's default number of threads, which is all cores. Data and initialisation are the engine's,
without XOR's exact rotation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.cases import Case
from benchmarks.plain_methods import FILTERS, Filter, jacobian_norm
from benchmarks.plain_networks import network_of
from grokbench import engine
from grokbench.types import Batch

__all__ = ["KINDS", "Draws", "Plain", "TorchDraws", "evaluate", "optimizer", "start", "train"]

KINDS: Mapping[str, dict[str, bool]] = {  # implementations of an optimizer in torch.optim
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "one by one": {"foreach": False, "fused": False},
}


class Draws(Protocol):
    """The source of the loop's random numbers."""

    def order(self, epoch: int, n: int) -> Tensor:
        """Return the order of the training examples, (n,), after `epoch` completed epochs."""

    def directions(self, epoch: int, batch: int, projection: int, outputs: Tensor) -> Tensor:
        """Return normal numbers in the shape of the outputs, (n, C)."""


class TorchDraws:
    """Random numbers from torch's default generator."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def order(self, epoch: int, n: int) -> Tensor:
        return torch.randperm(n, device=self.device)

    def directions(self, epoch: int, batch: int, projection: int, outputs: Tensor) -> Tensor:
        return torch.randn_like(outputs)


def one_hot_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs, F.one_hot(targets, outputs.shape[1]).to(outputs.dtype))


def signed_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs.squeeze(1), targets)


def class_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.argmax(1) == targets).float().mean()


def sign_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.squeeze(1).sign() == targets).float().mean()


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"cross_entropy": F.cross_entropy, "mse": one_hot_error}


@dataclass(frozen=True)
class Plain:
    """One seed in training.

    Attributes:
        network: with the engine's initial parameters.
        optimizer: torch's optimizer.
        splits: the data.
        batch_size: None for full batches.
        evaluate_every: epochs between evaluations.
        loss: (outputs, targets) -> the mean loss.
        accuracy: (outputs, targets) -> the accuracy.
        device: "cpu", or a CUDA device.
        grokalign: its parameters; None for other methods.
        filters: the filters of gradients.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    splits: Mapping[str, Batch]
    batch_size: int | None
    evaluate_every: int
    loss: Callable[[Tensor, Tensor], Tensor]
    accuracy: Callable[[Tensor, Tensor], Tensor]
    device: str
    grokalign: Mapping[str, Any] | None
    filters: Sequence[Filter]


def start(case: Case, seed: int, kind: str = "fused") -> Plain:
    """Initialise a seed of a case.

    Args:
        case: the case to train.
        seed: the seed of the data and the initialisation.
        kind: the kind of the optimizer, a key of KINDS.

    Raises:
        ValueError: the loop does not implement the method.
    """
    task, uses = case.cell.recipe.task, {use.name: use.parameters for use in case.cell.recipe.regularizers}
    if unknown := set(uses) - {"baseline", "grokalign", *FILTERS}:
        known = ", ".join(["baseline", "grokalign", *FILTERS])
        raise ValueError(f"{case.name}: the plain loop knows {known}, not {', '.join(sorted(unknown))}")
    group, _ = engine.start(case.full, [seed], case.device, engine.DTYPES[case.precision])
    own = {name: Batch(split.inputs[0], split.targets[0]) for name, split in group.own.items()}
    params = {name: p[0] for name, p in group.params.items()}
    splits = {
        name: Batch(case.full.task.embedded(params, split.inputs), split.targets)
        for name, split in (own | group.shared).items()
    }
    network = network_of(task.name, params)
    signed = task.name == "xor"
    return Plain(
        network=network,
        optimizer=optimizer(case.full.task.optimizer, network, KINDS[kind]),
        splits=splits,
        batch_size=case.full.task.batch_size,
        evaluate_every=case.cell.evaluate_every,
        loss=signed_error if signed else LOSSES[task.parameters.get("loss", "cross_entropy")],
        accuracy=sign_accuracy if signed else class_accuracy,
        device=case.device,
        grokalign=uses.get("grokalign"),
        filters=[FILTERS[use](**parameters) for use, parameters in uses.items() if use in FILTERS],
    )


def optimizer(record: Any, network: nn.Module, how: Mapping[str, bool]) -> torch.optim.Optimizer:
    """Create torch's optimizer with the settings of a task; `how` is a value of KINDS."""
    common = {"lr": record.lr, "weight_decay": record.weight_decay, **how}
    if record.decoupled:
        return torch.optim.AdamW(network.parameters(), betas=record.betas, eps=record.eps, **common)
    return torch.optim.SGD(network.parameters(), momentum=record.momentum, **common)


def train(plain: Plain, epochs: int, draws: Draws | None = None) -> list[dict[str, float]]:
    """Train for some epochs.

    Args:
        plain: the seed; its epochs are counted from 0 in every call.
        epochs: the epochs to train.
        draws: random numbers; by default torch's.

    Returns:
        The metrics of each evaluation, such as `train_loss` and `test_accuracy`.
    """
    draws = draws or TorchDraws(plain.device)
    history = []
    for epoch in range(epochs):
        for batch, (inputs, targets) in enumerate(_batches(plain, epoch, draws)):
            _step(plain, inputs, targets, lambda *at, now=(epoch, batch): draws.directions(*now, *at))
        if (epoch + 1) % plain.evaluate_every == 0:
            history.append(evaluate(plain))
    return history


def _batches(plain: Plain, epoch: int, draws: Draws) -> Iterator[tuple[Tensor, Tensor]]:
    inputs, targets = plain.splits["train"]
    if plain.batch_size is None or plain.batch_size >= len(inputs):
        return iter([(inputs, targets)])
    order = draws.order(epoch, len(inputs))
    return zip(inputs[order].split(plain.batch_size), targets[order].split(plain.batch_size), strict=True)


def _step(plain: Plain, inputs: Tensor, targets: Tensor, directions: Callable[[int, Tensor], Tensor]) -> None:
    if plain.grokalign:
        inputs = inputs.detach().requires_grad_()
    outputs = plain.network(inputs)
    total = plain.loss(outputs, targets)
    if plain.grokalign:
        total = total + jacobian_norm(outputs, inputs, directions, **plain.grokalign)
    plain.optimizer.zero_grad()
    total.backward(inputs=list(plain.network.parameters()))  # without the gradient of the inputs
    for filtered in plain.filters:
        filtered(plain.network.parameters())
    plain.optimizer.step()


@torch.inference_mode()
def evaluate(plain: Plain) -> dict[str, float]:
    """Measure loss and accuracy on every split, with one copy from the device to the host."""
    values = {}
    for name, (inputs, targets) in plain.splits.items():
        outputs = plain.network(inputs)
        values[f"{name}_loss"] = plain.loss(outputs, targets).double()
        values[f"{name}_accuracy"] = plain.accuracy(outputs, targets).double()
    return dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))
