"""Convolutional networks on 32 x 32 images as pure functions of a dict of parameters: conv1, conv2, ..., weight1, ...

Kernels are (filters, channels, 3, 3), padding 1, no biases; the weights of the classifier are those of `_mlp`. Under
vmap a stack of replicas is one grouped convolution. On a CPU this was the fastest form tried: products of unfolded
images, in either order of the axes, take two to ten times as long.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from grokbench import Params, Role, random

from . import _mlp

STRIDES = (1, 2, 2, 2, 2)  # stride of each convolution, which leaves 32, 16, 8, 4 and 2 pixels a side
PIXELS = (1024, 256, 64, 16, 4)


def filters(width: int) -> tuple[int, ...]:
    """The channels of the image and of each convolution's output: 3, then `width`, then each time twice as many."""
    return (3, *(width << layer for layer in range(len(STRIDES))))


def init(key: Tensor, *, width: int, classifier: tuple[int, ...]) -> Params:
    """Parameters from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), torch's default.

    The fan_in of a kernel is 9 times the number of its input channels.
    """
    params, channels = {}, filters(width)
    for layer, (before, after) in enumerate(zip(channels, channels[1:], strict=False), start=1):
        draws = random.uniform(random.fold(key, "init", f"conv{layer}"), (after, before, 3, 3))
        params[f"conv{layer}"] = (9 * before) ** -0.5 * (2.0 * draws - 1.0)
    return params | _mlp.init(key, classifier, bias=False)


def forward(
    params: Params,
    inputs: Tensor,
    site: Callable[[Tensor, str], Tensor] = lambda h, name: h,
    *,
    activation: Callable[[Tensor], Tensor] = Tensor.relu_,
) -> Tensor:
    """Outputs (n, C) at images (n, 3, 32, 32); the activation may overwrite its input.

    The hidden sites are `conv1`, `conv2`, ..., the feature maps (n, channels, height, width), then those of the
    classifier.
    """
    hidden = inputs
    for layer, stride in enumerate(STRIDES, start=1):
        maps = activation(F.conv2d(hidden, params[f"conv{layer}"], stride=stride, padding=1))
        hidden = site(maps, f"conv{layer}")
    return _mlp.forward(params, hidden.flatten(1), site, activation=activation)


def activations(width: int, classifier: tuple[int, ...]) -> int:
    """The number of values that the gradient of one example keeps in memory: the outputs of every layer."""
    maps = sum(channels * pixels for channels, pixels in zip(filters(width)[1:], PIXELS, strict=True))
    return maps + sum(classifier[1:])


def roles(classifier: tuple[int, ...]) -> dict[str, Role]:
    """The role of each parameter: the first convolution reads inputs, the last weights write outputs."""
    convolutions: dict[str, Role] = {f"conv{layer}": "hidden" for layer in range(1, len(STRIDES) + 1)}
    return {**convolutions, "conv1": "input", **_mlp.roles(classifier, bias=False), "weight1": "hidden"}
