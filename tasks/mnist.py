"""MNIST from few images and a large initialisation: Liu et al., "Omnigrok", ICLR 2023, arXiv:2210.01117."""

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from grokbench import AdamW, Batch, DataError, Task, data, hookimpl, random

from . import _losses, _mlp

MEAN, STD = 0.1307, 0.3081  # of the training images' pixels in [0, 1]
MAX_LAYERS = 100
SCALES = {"normalised": (MEAN, STD), "raw": (0.0, 1.0)}  # pixels -> what is subtracted, then divided by


def mnist(
    loss: Literal["cross_entropy", "mse"] = "cross_entropy",
    samples: int = 1024,
    subset: Literal["random", "first"] = "random",
    test_samples: int = 10_000,
    width: int = 196,
    batch_size: int = 128,
    init_scale: float = 8.0,
    lr: float = 1e-3,
    weight_decay: float = 0.01,
    *,
    hidden_layers: int = 3,
    pixels: Literal["normalised", "raw"] = "normalised",
    bias: bool = False,
) -> Task:
    """Digits from a subset of `samples` training images, tested on the first `test_samples` of the test images.

    The `subset` is drawn anew for every seed, or consists of the first images for all seeds (`first`).

    The network has `hidden_layers` layers of `width` ReLUs, and torch's initialisation times `init_scale`; there are no
    biases unless `bias` is set. It is trained by AdamW. It has grokked when the test accuracy is above 0.80. `pixels`
    are normalised by the mean and standard deviation of the training images, or lie between 0 and 1 (`raw`), as in Liu
    et al.

    The settings are those of Walker et al., Appendix A.3 and A.4. Where the paper does not state a setting, this task
    has pixels normalised as in the authors' code, `mse` averaged over classes, and all 10,000 test images. The authors'
    code takes the first 1,024 images of both sets, batches of 256 without shuffling, and float64, and stops at 0.85.
    Their later release has `bias`, `width` 200 and `batch_size` 196.

    The network of Walker et al., Figure 3, has `hidden_layers` 2, `width` 256 and `batch_size` 196 (Appendix A.2).

    ValueError unless `test_samples` is at least 1 and `hidden_layers` lies between 1 and 100.
    """
    if test_samples < 1:
        raise ValueError(f"test_samples must be at least 1, got {test_samples}")
    if not 1 <= hidden_layers <= MAX_LAYERS:
        raise ValueError(f"hidden_layers must lie between 1 and {MAX_LAYERS}, got {hidden_layers}")
    sizes, (centre, scale) = _mlp.layers(784, *[width] * hidden_layers, 10), SCALES[pixels]
    return Task(
        splits=partial(train_split, samples=samples, subset=subset, pixels=pixels),
        fetch=data.mnist,
        shared=partial(test_split, test_samples=test_samples, pixels=pixels),
        train_size=samples,
        init=partial(_mlp.init, sizes=sizes, bias=bias, scale=init_scale),
        forward=_mlp.forward,
        loss=_losses.LOSSES[loss],
        correct=_losses.class_correct,
        optimizer=AdamW(lr=lr, weight_decay=weight_decay),
        batch_size=batch_size,
        epochs=100_000,
        grokked={"test_accuracy": "> 0.80"},
        roles=_mlp.roles(sizes, bias=bias),
        input_bounds=((0.0 - centre) / scale, (1.0 - centre) / scale),
        facts=_losses.FACTS[loss] | {"preactivations": _mlp.preactivations},
    )


def train_split(key: Tensor, *, samples: int, subset: str, pixels: str) -> dict[str, Batch]:
    """A subset of the training images, (samples, 784), without repeated images."""
    images, labels, _, _ = data.mnist()
    _check(samples, len(images), "training images, lower samples")
    order = torch.arange(len(images)) if subset == "first" else _shuffled(key, len(images))
    return {"train": _batch(images[order[:samples]], labels[order[:samples]], key.device, pixels)}


def _shuffled(key: Tensor, n: int) -> Tensor:
    return random.permutation(random.fold(key, "subset"), n).cpu()


def test_split(device: torch.device, *, test_samples: int, pixels: str) -> dict[str, Batch]:
    """The first test images, (test_samples, 784), the same for every seed."""
    _, _, images, labels = data.mnist()
    _check(test_samples, len(images), "test images, lower test_samples")
    return {"test": _batch(images[:test_samples], labels[:test_samples], device, pixels)}


def _check(wanted: int, there: int, what: str) -> None:
    if wanted > there:
        raise DataError(f"mnist: {wanted} wanted, but the files hold {there} {what}")


def _batch(images: Tensor, labels: Tensor, device: torch.device, pixels: str) -> Batch:
    centre, scale = SCALES[pixels]
    return Batch((images.to(device).flatten(1).double() / 255.0 - centre) / scale, labels.to(device).long())


@hookimpl
def grokbench_tasks():
    yield mnist
