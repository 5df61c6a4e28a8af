"""Fully connected networks as pure functions of a dict of parameters: weight1, bias1, weight2, ...

Weights are (fan_in, fan_out), applied from the right: a stack of replicas is then one batched matrix product.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from grokbench import Params, Role, random

MAX_WIDTH = 1_000_000


def layers(*sizes: int) -> tuple[int, ...]:
    """The sizes of a network from inputs to outputs; ValueError if a layer cannot have its size."""
    wrong = [size for size in sizes if not 1 <= size <= MAX_WIDTH]
    if wrong:
        raise ValueError(f"a layer must have from 1 to {MAX_WIDTH} units, got {wrong[0]}")
    return sizes


def init(key: Tensor, sizes: Sequence[int], *, bias: bool, scale: float = 1.0) -> Params:
    """Weights (and biases) U(-1/sqrt(fan_in), 1/sqrt(fan_in)), the default of `torch.nn.Linear`, times `scale`."""
    params = {}
    for layer, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        bound = scale * fan_in**-0.5
        shapes = {f"weight{layer}": (fan_in, fan_out)} | ({f"bias{layer}": (fan_out,)} if bias else {})
        for name, shape in shapes.items():
            params[name] = bound * (2.0 * random.uniform(random.fold(key, "init", name), shape) - 1.0)
    return params


def forward(
    params: Params,
    inputs: Tensor,
    site: Callable[[Tensor, str], Tensor] = lambda h, name: h,
    *,
    activation: Callable[[Tensor], Tensor] = Tensor.relu_,
) -> Tensor:
    """Outputs (n, C) at inputs (n, d); the activation between layers may overwrite its input.

    The hidden sites are `hidden1`, `hidden2`, ...: the activations (n, units) of each hidden layer.
    """
    depth = sum(name.startswith("weight") for name in params)
    hidden = inputs
    for layer in range(1, depth + 1):
        hidden = hidden @ params[f"weight{layer}"]
        if f"bias{layer}" in params:
            hidden += params[f"bias{layer}"]  # in place: the product is not needed any more
        if layer < depth:
            hidden = site(activation(hidden), f"hidden{layer}")
    return hidden


def preactivations(params: Params, inputs: Tensor, forward: Callable[..., Tensor] = forward) -> tuple[Tensor, ...]:
    """The inputs of each hidden layer's ReLUs, (n, units), at inputs (n, ...); their signs give the linear region."""
    found = []

    def noted(hidden: Tensor) -> Tensor:
        found.append(hidden.flatten(1))
        return hidden.relu()

    forward(params, inputs, activation=noted)
    return tuple(found)


def square(hidden: Tensor) -> Tensor:
    """The quadratic activation, as a product: under vmap `torch.square` is a power and costs three times as much."""
    return hidden * hidden


def roles(sizes: Sequence[int], *, bias: bool) -> dict[str, Role]:
    """The role of each parameter: the first layer reads inputs, the last one writes outputs."""
    depth = len(sizes) - 1
    weights: dict[int, Role] = {1: "input", depth: "readout"}
    named: dict[str, Role] = {}
    for layer in range(1, depth + 1):
        named[f"weight{layer}"] = weights.get(layer, "hidden")
        if bias:
            named[f"bias{layer}"] = "bias"
    return named
