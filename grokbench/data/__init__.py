"""The data sets of the shipped tasks: their loaders, their status, and their download.

Only the loaders import torch and torchvision.

`CORRUPTIONS` names the 19 corruptions of CIFAR-10-C. `BENCHMARK_CORRUPTIONS` names the 15 corruptions that Hendrycks &
Dietterich average. `SEVERITIES` is the number of severities of each corruption, 5.
"""

from pathlib import Path

from grokbench.data.digests import digest, note
from grokbench.data.folder import DataStatus, data_root
from grokbench.data.load_cifar10 import cifar10, cifar10_digest, cifar10_status
from grokbench.data.load_cifar10c import (
    BENCHMARK_CORRUPTIONS,
    CORRUPTIONS,
    DIGEST,
    SEVERITIES,
    check_cifar10c,
    cifar10c,
    cifar10c_digest,
    cifar10c_status,
    complete_cifar10c,
)
from grokbench.data.load_mnist import complete_mnist, mnist, mnist_digest, mnist_status
from grokbench.data.published import PUBLISHED, complaint, is_unverified, place
from grokbench.errors import DataError
from grokbench.text.options import Option

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
    "condition",
    "data_root",
    "digest",
    "fetch",
    "mnist",
    "note",
    "status",
]


def status() -> list[DataStatus]:
    """List every data set that a shipped task reads; nothing is downloaded."""
    return [mnist_status(), cifar10_status(), cifar10c_status()]


def current_digest(name: str) -> str | None:
    """Compute the digest of a data set in `data_root()`, as runs record it; nothing is downloaded.

    Args:
        name: `mnist`, `cifar10`, or `cifar10c:` followed by the name of a corruption.

    Returns:
        The sha256 in hexadecimal digits; None if the data are missing or damaged, or if no data set has this name.
    """
    try:
        return _digest(name)
    except DataError:
        return None


def _digest(name: str) -> str | None:
    """Compute a digest as `current_digest` does, but raise DataError if the data are damaged."""
    if name.startswith(DIGEST) and (corruption := name.removeprefix(DIGEST)) in CORRUPTIONS:
        return cifar10c_digest(corruption)
    ways = {"mnist": (mnist_status, mnist_digest), "cifar10": (cifar10_status, cifar10_digest)}
    return ways[name][1]() if name in ways and ways[name][0]().present else None


def condition(each: DataStatus) -> tuple[str, str]:
    """Compare a data set with the published one; the data are read, nothing is downloaded.

    Args:
        each: an element of `status()`.

    Returns:
        A word and a text. The word is "missing", "damaged", "unverified" (not the published data), "verified", or
        "present" (no digest of the data set is published). The text says what the user should know or do; it may be
        empty.
    """
    if not each.present:
        return "missing", each.how
    try:
        sha256 = _digest(each.name)
    except DataError as error:
        return "damaged", str(error)
    if sha256 is None:
        return "present", "not verified, because no digests of it are published"
    if is_unverified(each.name, sha256):
        return "unverified", f"{complaint(each.name, sha256)}; a run needs {Option('unverified_data', each.name)}"
    return "verified", ""


def fetch(name: str) -> Path:
    """Download a data set unless it is present, verify it, and return its folder.

    Args:
        name: mnist, cifar10 or cifar10c. cifar10c is neither downloaded nor verified, so it must be present.

    Raises:
        DataError: no data set has this name, it cannot be downloaded, or the files that are present are not those of
            the published data set.
    """
    if name == "cifar10c":
        return complete_cifar10c()
    if name in PUBLISHED:
        folder, sha256 = (
            (complete_mnist(data_root()), mnist_digest()) if name == "mnist" else (data_root(), cifar10_digest())
        )
        if is_unverified(name, sha256):
            raise DataError(f"{complaint(name, sha256)}. Delete {place(name)} and fetch it again.")
        return folder
    raise DataError(f"There is no data set {name!r}. Choose one of: mnist, cifar10, cifar10c.")
