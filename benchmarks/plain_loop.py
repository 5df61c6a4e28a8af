"""The loop that a good PyTorch user would write: one seed, modules, autograd, torch.optim, data in memory.

No DataLoader: an epoch's batches are views of one shuffled copy. It evaluates what the engine does and as often, and
runs on torch's default number of threads, which is all cores. The data and the initialisation are the engine's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.cases import Case
from grokbench import engine
from grokbench.types import Batch

__all__ = ["KINDS", "Draws", "Network", "Plain", "TorchDraws", "jacobian_norm", "start", "train"]

KINDS: Mapping[str, dict[str, bool]] = {  # how torch.optim walks over the parameters
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "one by one": {"foreach": False, "fused": False},
}


class Draws(Protocol):
    """Where the loop's random numbers come from."""

    def order(self, epoch: int, n: int) -> Tensor:
        """The order of the training examples, (n,), after `epoch` completed epochs."""

    def directions(self, epoch: int, batch: int, projection: int, outputs: Tensor) -> Tensor:
        """Normal numbers shaped like the outputs (n, C)."""


class TorchDraws:
    """torch's own generator, as one would."""

    def order(self, epoch: int, n: int) -> Tensor:
        return torch.randperm(n)

    def directions(self, epoch: int, batch: int, projection: int, outputs: Tensor) -> Tensor:
        return torch.randn_like(outputs)


class Network(nn.Module):
    """A fully connected network that starts from a task's parameters, which are stored (fan_in, fan_out)."""

    def __init__(self, params: Mapping[str, Tensor], activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.activation = activation
        depth = sum(name.startswith("weight") for name in params)
        self.layers = nn.ModuleList(_linear(params, layer) for layer in range(1, depth + 1))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = inputs
        for layer in self.layers[:-1]:
            hidden = self.activation(layer(hidden))
        return self.layers[-1](hidden)


def _linear(params: Mapping[str, Tensor], number: int) -> nn.Linear:
    weight, bias = params[f"weight{number}"], params.get(f"bias{number}")
    layer = nn.utils.skip_init(nn.Linear, *weight.shape, bias=bias is not None, dtype=weight.dtype)
    layer.weight.data.copy_(weight.T)
    if bias is not None:
        layer.bias.data.copy_(bias)
    return layer


def one_hot_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs, F.one_hot(targets, outputs.shape[1]).to(outputs.dtype))


def signed_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs.squeeze(1), targets)


def class_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.argmax(1) == targets).float().mean()


def sign_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.squeeze(1).sign() == targets).float().mean()


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"cross_entropy": F.cross_entropy, "mse": one_hot_error}
ACTIVATIONS = {"modular_addition": torch.square}  # relu elsewhere


@dataclass(frozen=True)
class Plain:
    """One seed in training."""

    network: Network
    optimizer: torch.optim.Optimizer
    splits: Mapping[str, Batch]
    batch_size: int | None
    evaluate_every: int  # epochs
    loss: Callable[[Tensor, Tensor], Tensor]
    accuracy: Callable[[Tensor, Tensor], Tensor]
    grokalign: Mapping[str, Any] | None  # its parameters; None for the baseline


def start(case: Case, seed: int, kind: str = "fused") -> Plain:
    """A seed of a case before any update; ValueError for a method that this loop does not know."""
    task, uses = case.cell.recipe["task"], {use["use"]: use["parameters"] for use in case.cell.recipe["regularizers"]}
    if unknown := set(uses) - {"baseline", "grokalign"}:
        raise ValueError(f"{case.name}: the plain loop knows baseline and grokalign, not {', '.join(sorted(unknown))}")
    group, _ = engine.start(case.step, [seed], "cpu", engine.DTYPES[case.precision])
    own = {name: Batch(split.inputs[0], split.targets[0]) for name, split in group.own.items()}
    params = {name: p[0] for name, p in group.params.items()}
    network = Network(params, ACTIVATIONS.get(task["use"], torch.relu))
    signed = task["use"] == "xor"
    return Plain(
        network=network,
        optimizer=_optimizer(case.step.task.optimizer, network, kind),
        splits=own | group.shared,
        batch_size=case.step.task.batch_size,
        evaluate_every=case.cell.evaluate_every,
        loss=signed_error if signed else LOSSES[task["parameters"].get("loss", "cross_entropy")],
        accuracy=sign_accuracy if signed else class_accuracy,
        grokalign=uses.get("grokalign"),
    )


def _optimizer(record: Any, network: Network, kind: str) -> torch.optim.Optimizer:
    common = {"lr": record.lr, "weight_decay": record.weight_decay, **KINDS[kind]}
    if record.decoupled:
        return torch.optim.AdamW(network.parameters(), betas=record.betas, eps=record.eps, **common)
    return torch.optim.SGD(network.parameters(), **common)


def train(plain: Plain, epochs: int, draws: Draws | None = None) -> list[dict[str, float]]:
    """Train from the start; returns every evaluation, {split_loss, split_accuracy}, after the first epochs."""
    draws = draws or TorchDraws()
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
    plain.optimizer.step()


def jacobian_norm(
    outputs: Tensor,
    inputs: Tensor,
    directions: Callable[[int, Tensor], Tensor],
    *,
    strength: float,
    norm: str,
    estimator: str,
    projections: int,
) -> Tensor:
    """GrokAlign's penalty the usual way, (): autograd.grad with create_graph, the forward pass shared with the loss."""
    if estimator == "exact":
        raise ValueError("the plain loop estimates the Jacobian's norm by projection, not exactly")
    square = torch.zeros_like(outputs[:, 0])
    for projection in range(projections):
        v = F.normalize(directions(projection, outputs), dim=1)
        (gradient,) = torch.autograd.grad(outputs, inputs, v, create_graph=True)
        square = square + outputs.shape[1] / projections * gradient.square().sum(1)
    return strength * (square.clamp_min(1e-8).sqrt() if norm == "frobenius" else square).mean()


@torch.inference_mode()
def evaluate(plain: Plain) -> dict[str, float]:
    """Loss and accuracy on every split."""
    values = {}
    for name, (inputs, targets) in plain.splits.items():
        outputs = plain.network(inputs)
        values[f"{name}_loss"] = plain.loss(outputs, targets).item()
        values[f"{name}_accuracy"] = plain.accuracy(outputs, targets).item()
    return values
