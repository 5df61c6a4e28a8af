"""Accuracy on corrupted images: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.

Every corruption c comes in five severities s, each with all test images. The accuracy under one or several corruptions
is the mean of acc(c, s) over c and s. Hendrycks & Dietterich divide errors by the errors of AlexNet, but only on
ImageNet.
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from grokbench import Batch, Metric, Probe, data, hookimpl

from ._counts import at_least_one

Corruption = Literal[
    "mean", "mean_of_18",
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
    "speckle_noise", "gaussian_blur", "spatter", "saturate",
]  # fmt: skip


def cifar10c_accuracy(
    corruption: Corruption = "mean", severity: int | None = None, examples: int | None = None
) -> Metric:
    """The share of CIFAR-10-C that is classified correctly, from 0 to 1, on tasks whose images are those of CIFAR-10.

    `corruption` names one of the 19 corruptions in the published files. `mean` averages the 15 corruptions of Hendrycks
    & Dietterich, and `mean_of_18` all except glass_blur, as in Walker et al.'s Table 5. `severity` is from 1 to 5, or
    null for the mean over all severities. The first `examples` images of every corruption and severity are used; null
    means all 10,000. The images are read once, and stay on the device as bytes: 31 MB for each corruption and severity,
    2.3 GB for `mean`. Cost: one forward pass over these images.

    Raises:
        ValueError: `severity` is not from 1 to 5, or `examples` is below 1.
        DataError: the files of CIFAR-10-C are missing; raised before anything is trained.
    """
    if severity is not None and not 1 <= severity <= data.SEVERITIES:
        raise ValueError(f"severity must lie between 1 and {data.SEVERITIES}, or be null for all, got {severity}")
    corruptions = _named(corruption)
    severities = range(1, data.SEVERITIES + 1) if severity is None else [severity]
    return Metric(
        measure=partial(
            measure, corruptions=corruptions, severities=tuple(severities), examples=at_least_one(examples)
        ),
        fetch=partial(data.check_cifar10c, corruptions),
        better="higher",
        facts=("cifar10",),
        bounds=(0.0, 1.0),
    )


def _named(corruption: Corruption) -> tuple[str, ...]:
    if corruption == "mean":
        return data.BENCHMARK_CORRUPTIONS
    if corruption == "mean_of_18":
        return tuple(each for each in data.CORRUPTIONS if each != "glass_blur")
    return (corruption,)


def measure(probe: Probe, *, corruptions: tuple[str, ...], severities: tuple[int, ...], examples: int | None) -> Tensor:
    """The mean accuracy, ()."""
    device, root = probe.key.device, data.data_root()
    kept = [_kept(root, c, s, examples, device) for c in corruptions for s in severities]
    return torch.stack([_accuracy(probe, batch) for batch in kept]).mean()


@lru_cache(None)  # cached, because an evaluation captured as a CUDA graph reads the same memory again
def _kept(root: Path, corruption: str, severity: int, examples: int | None, device: torch.device) -> Batch:
    images, labels = data.cifar10c(corruption, severity, root)
    return Batch(images[:examples].to(device), labels[:examples].to(device).long())


def _accuracy(probe: Probe, batch: Batch) -> Tensor:
    """The accuracy on images (n, 3, 32, 32) uint8, ()."""
    size, correct = probe.task.evaluate_examples or len(batch.inputs), []
    for images, labels in zip(batch.inputs.split(size), batch.targets.split(size), strict=True):
        correct.append(probe.task.correct(probe.task.outputs(probe.params, images), labels))
    return torch.cat(correct).double().mean()


@hookimpl
def grokbench_metrics():
    yield cifar10c_accuracy
