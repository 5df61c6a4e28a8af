"""Data sets of the shipped tasks: their loaders, one module each, their status, and downloads.

Only calling a loader imports torch and torchvision.
"""

from pathlib import Path

from grokbench.data.folder import DataStatus, data_root
from grokbench.data.load_cifar10 import cifar10, cifar10_status
from grokbench.data.load_cifar10c import (
    BENCHMARK_CORRUPTIONS,
    CORRUPTIONS,
    SEVERITIES,
    check_cifar10c,
    cifar10c,
    cifar10c_status,
    complete_cifar10c,
)
from grokbench.data.load_mnist import complete_mnist, mnist, mnist_status
from grokbench.errors import DataError

__all__ = [
    "BENCHMARK_CORRUPTIONS",
    "CORRUPTIONS",
    "SEVERITIES",
    "DataStatus",
    "check_cifar10c",
    "cifar10",
    "cifar10c",
    "complete_cifar10c",
    "data_root",
    "fetch",
    "mnist",
    "status",
]


def status() -> list[DataStatus]:
    """Return the status of every data set that a shipped task reads, without downloading anything."""
    return [mnist_status(), cifar10_status(), cifar10c_status()]


def fetch(name: str) -> Path:
    """Download a data set if it is missing, and verify the checksums of what was downloaded.

    CIFAR-10-C is not downloaded, only checked for missing files.

    Args:
        name: "mnist", "cifar10" or "cifar10c".

    Returns:
        The folder of the data set.

    Raises:
        DataError: no data set has this name, or it is missing and cannot be downloaded.
    """
    if name == "mnist":
        return complete_mnist(data_root())
    if name == "cifar10":
        cifar10()
        return data_root()
    if name == "cifar10c":
        return complete_cifar10c()
    raise DataError(f"There is no data set {name!r}. Choose one of: mnist, cifar10, cifar10c.")
