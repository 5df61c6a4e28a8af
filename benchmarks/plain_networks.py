"""The networks of the tasks as modules, initialised with a task's parameters."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from grokbench.tasks import cifar10

__all__ = ["Convolutions", "Network", "network_of"]


class Network(nn.Module):
    """A fully connected network, initialised with parameters of shape (fan_in, fan_out)."""

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
    like = {"dtype": weight.dtype, "device": weight.device}
    layer = nn.utils.skip_init(nn.Linear, *weight.shape, bias=bias is not None, **like)
    layer.weight.data.copy_(weight.T)
    if bias is not None:
        layer.bias.data.copy_(bias)
    return layer


class Convolutions(nn.Module):
    """The convolutional network of the task cifar10, initialised with its parameters; its classifier is a `Network`."""

    def __init__(self, params: Mapping[str, Tensor], activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.activation = activation
        kernels = [params[name] for name in params if name.startswith("conv")]
        self.layers = nn.ModuleList(_conv(kernel, 1 + (layer > 0)) for layer, kernel in enumerate(kernels))
        self.classifier = Network(params, activation)
        for name, values in (("mean", cifar10.MEAN), ("std", cifar10.STD)):
            self.register_buffer(name, kernels[0].new_tensor(values).reshape(3, 1, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = (inputs - self.mean) / self.std
        for layer in self.layers:
            hidden = self.activation(layer(hidden))
        return self.classifier(hidden.flatten(1))


def _conv(kernel: Tensor, stride: int) -> nn.Conv2d:
    after, before = kernel.shape[:2]
    like = {"dtype": kernel.dtype, "device": kernel.device, "padding": 1, "bias": False}
    layer = nn.utils.skip_init(nn.Conv2d, before, after, 3, stride, **like)
    layer.weight.data.copy_(kernel)
    return layer


ACTIVATIONS = {"modular_addition": torch.square}  # ReLU for other tasks
NETWORKS = {"cifar10": Convolutions}  # fully connected for other tasks


def network_of(task: str, params: Mapping[str, Tensor]) -> nn.Module:
    """Create the network of a task with the given parameters."""
    return NETWORKS.get(task, Network)(params, ACTIVATIONS.get(task, torch.relu))
