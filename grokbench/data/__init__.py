"""The data sets of the shipped tasks: their loaders, their status, and their download.

Only the loaders import torch and torchvision.

`CORRUPTIONS` names the 19 corruptions of CIFAR-10-C. `BENCHMARK_CORRUPTIONS` names the 15 corruptions that Hendrycks &
Dietterich average. `SEVERITIES` is the number of severities of each corruption, 5.
"""

from pathlib import Path

from grokbench.data.folder import DataStatus, data_root
from grokbench.data.load_cifar10 import cifar10, cifar10_digest, cifar10_status
from grokbench.data.load_cifar10c import (
    BENCHMARK_CORRUPTIONS,
    CORRUPTIONS,
    SEVERITIES,
    check_cifar10c,
    cifar10c,
    cifar10c_status,
    complete_cifar10c,
)
from grokbench.data.load_mnist import complete_mnist, mnist, mnist_digest, mnist_status
from grokbench.errors import DataError

__all__ = [
    "BENCHMARK_CORRUPTIONS",
    "CORRUPTIONS",
    "SEVERITIES",
    "DataStatus",
    "check_cifar10c",
    "cifar10",
    "cifar10c",
    "current_digest",
    "complete_cifar10c",
    "data_root",
    "fetch",
    "mnist",
    "status",
]


def status() -> list[DataStatus]:
    """List every data set that a shipped task reads; nothing is downloaded."""
    return [mnist_status(), cifar10_status(), cifar10c_status()]


def current_digest(name: str) -> str | None:
    """Compute the digest of a data set in `data_root()`, as runs record it; nothing is downloaded.

    Args:
        name: mnist or cifar10.

    Returns:
        A sha256 in hexadecimal digits. None if the data are missing or damaged, or if no data set has this name.
    """
    ways = {"mnist": (mnist_status, mnist_digest), "cifar10": (cifar10_status, cifar10_digest)}
    if name not in ways or not ways[name][0]().present:
        return None
    try:
        return ways[name][1]()
    except DataError:
        return None


def fetch(name: str) -> Path:
    """Download a data set unless it is present, verify its checksums, and return its folder.

    Args:
        name: mnist, cifar10, or cifar10c, which is never downloaded: it has to be present.

    Raises:
        DataError: no data set has this name, or it cannot be downloaded.
    """
    if name == "mnist":
        return complete_mnist(data_root())
    if name == "cifar10":
        cifar10()
        return data_root()
    if name == "cifar10c":
        return complete_cifar10c()
    raise DataError(f"There is no data set {name!r}. Choose one of: mnist, cifar10, cifar10c.")
