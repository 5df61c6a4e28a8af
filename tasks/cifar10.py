"""CIFAR-10 with delayed robustness: Humayun, Balestriero & Baraniuk, ICML 2024, arXiv:2402.15555."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from grokbench import AdamW, Batch, DataError, Params, Task, data, hookimpl, random

from . import _cnn, _losses, _mlp

TRAINING_IMAGES = 50_000
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of each channel of the training images in [0, 1]


def cifar10(
    loss: Literal["cross_entropy", "mse"] = "cross_entropy",
    samples: int | None = None,
    test_samples: int = 10_000,
    width: int = 32,
    classifier_width: int = 256,
    batch_size: int = 200,
    lr: float = 1e-3,
    weight_decay: float = 1e-3,
) -> Task:
    """Photographs of ten classes: all 50,000 training images, or a random subset of `samples` per seed.

    The network has five 3x3 convolutions, a hidden layer of `classifier_width` units, and ReLUs. The first convolution
    has `width` filters, and each further one has twice as many as the one before. The network is trained by AdamW, and
    tested on the first `test_samples` test images. Inputs are pixels in [0, 1], (n, 3, 32, 32), to which Jacobians and
    attacks refer: the network itself subtracts MEAN and divides by STD.

    The settings are those of Walker et al., Appendix A.5. Where the paper does not state a setting, this task has
    cross-entropy, no biases, padding 1, stride 2 from the second convolution on (2 x 2 pixels are
    left), torch's initialisation, no augmentation, 1,000 epochs. The paper has no criterion either; ours is a test
    accuracy above 0.60, slightly below the 61.8% that it reports on corrupted images. The authors' released code has
    six convolutions of 32 to 128 filters, average pooling, He's normal initialisation by the fan-out, the squared
    error, gradients clipped by value at 1, the first 1,024 images of both sets, and batches of 256, of which a smaller
    last one is dropped.

    ValueError unless `width` and `test_samples` are at least 1.
    """
    for name, value in (("width", width), ("test_samples", test_samples)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    classifier = _mlp.layers(_cnn.PIXELS[-1] * _cnn.filters(width)[-1], classifier_width, 10)
    relus = partial(_mlp.preactivations, forward=forward)
    return Task(
        splits=partial(own_split, samples=samples),
        fetch=partial(fetch, samples=samples, test_samples=test_samples),
        shared=partial(shared_splits, samples=samples, test_samples=test_samples),
        train_size=TRAINING_IMAGES if samples is None else samples,
        init=partial(_cnn.init, width=width, classifier=classifier),
        embed=pixels,
        forward=forward,
        loss=_losses.LOSSES[loss],
        correct=_losses.class_correct,
        optimizer=AdamW(lr=lr, weight_decay=weight_decay),
        batch_size=batch_size,
        epochs=1000,
        grokked={"test_accuracy": "> 0.60"},
        roles=_cnn.roles(classifier),
        input_bounds=(0.0, 1.0),
        evaluate_examples=500,
        activations=2 * 3072 + _cnn.activations(width, classifier),  # the 2: pixels and normalised pixels
        facts=_losses.FACTS[loss] | {"pixel_std": STD, "preactivations": relus, "cifar10": True},
    )


def fetch(*, samples: int | None, test_samples: int) -> None:
    """Raise DataError if the files are missing and cannot be downloaded, or hold fewer images than requested."""
    train, _, test, _ = data.cifar10()
    for name, wanted, there in (("samples", samples or TRAINING_IMAGES, train), ("test_samples", test_samples, test)):
        if wanted > len(there):
            what = "training" if name == "samples" else "test"
            raise DataError(
                f"cifar10: {wanted} {what} images wanted, but the files hold {len(there)}: set {name} to that or fewer"
            )


def own_split(key: Tensor, *, samples: int | None) -> dict[str, Batch]:
    """A random subset of the training images, (samples, 3, 32, 32) uint8, without repetition."""
    if samples is None:
        return {}
    images, labels, _, _ = data.cifar10()
    chosen = random.permutation(random.fold(key, "subset"), len(images))[:samples].cpu()
    return {"train": _batch(images[chosen], labels[chosen], key.device)}


def shared_splits(device: torch.device, *, samples: int | None, test_samples: int) -> dict[str, Batch]:
    """The first test images, and all training images unless each seed has its own."""
    train, train_labels, test, test_labels = data.cifar10()
    shared = {"test": _batch(test[:test_samples], test_labels[:test_samples], device)}
    return shared if samples is not None else {"train": _batch(train, train_labels, device), **shared}


def _batch(images: Tensor, labels: Tensor, device: torch.device) -> Batch:
    return Batch(images.to(device), labels.to(device).long())


def pixels(params: Params, inputs: Tensor) -> Tensor:
    """The pixels of images (n, 3, 32, 32) uint8, scaled to [0, 1], in the precision of the parameters."""
    return inputs.to(params["conv1"].dtype) / 255.0


def forward(
    params: Params, x: Tensor, site: Callable[[Tensor, str], Tensor] = lambda h, name: h, **activation: Any
) -> Tensor:
    """Outputs (n, 10) at pixels (n, 3, 32, 32) in [0, 1]."""
    return _cnn.forward(params, (x - _channels(x, MEAN)) / _channels(x, STD), site, **activation)


def _channels(x: Tensor, values: tuple[float, ...]) -> Tensor:
    """A number per channel, (3, 1, 1), made on the device, because a CUDA graph cannot hold copies from the host."""
    return torch.stack([x.new_full((1, 1), value) for value in values])


@hookimpl
def grokbench_tasks():
    yield cifar10
