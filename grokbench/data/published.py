"""Digests of the published data sets, and the refusal of other data.

The digests are those of `digests.digest` on the decoded arrays: training images and labels, then test images and
labels, as `mnist` and `cifar10` return them. They were computed from files that had these checksums:

MNIST: the four gz files whose md5 sums torchvision lists (`torchvision.datasets.MNIST.resources`).
CIFAR-10: the six records files of cifar-10-binary.tar.gz (md5 c32a1d4ab5d03f1284b67883e8d87530), whose md5 sums are
    5dd7e06a14cb22eb9f671a540d1b7c25, 5ea93a67294ea407fff1d09f752e9692, 942cd6a4bcdd0dd3c604fbe906cb4421,
    ae636b3ba5c66a11e91e8cb52e771fcb, 53f37980c15c3d472c316c40844f3f0d and 803d5f7f4d78ea53de84dbe85f74fb6d (test).

CIFAR-10-C is published as one archive, without checksums of the files in it. Its files therefore cannot be verified,
and are never refused; their digests are recorded and compared between runs.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from grokbench.data.load_cifar10 import cifar10_place
from grokbench.data.load_mnist import mnist_place
from grokbench.errors import DataError, SuiteError
from grokbench.text.options import Option
from grokbench.text.suggest import did_you_mean

__all__ = [
    "PUBLISHED",
    "check_names",
    "complaint",
    "is_unverified",
    "place",
    "refusal",
    "refuse_unverified",
    "unverified",
]


class Published(NamedTuple):
    """A published data set: its name in prose, and the sha256 of its decoded arrays."""

    title: str
    sha256: str


PUBLISHED = {
    "mnist": Published("MNIST", "0daeb744fc0fb7529cc6f8a43af57d8d0911ddeb09e7aa84dd88d0ef8af66523"),
    "cifar10": Published("CIFAR-10", "ecd887c3a0bb76aa80f4164a41ef250047c332191d43beda74c600f220a56596"),
}


def is_unverified(name: str, sha256: str) -> bool:
    """Return whether a data set is not the published one; False if no digest of the published one is known.

    Args:
        name: the name of the data set.
        sha256: the digest of the data.
    """
    return name in PUBLISHED and sha256 != PUBLISHED[name].sha256


def unverified(read: Mapping[str, str]) -> list[str]:
    """List the names of the data sets that are not the published ones, sorted.

    Args:
        read: data set -> digest.
    """
    return sorted(name for name, sha256 in read.items() if is_unverified(name, sha256))


def refuse_unverified(read: Mapping[str, str], accepted: Collection[str]) -> None:
    """Raise DataError if a data set is not the published one and the user does not accept it.

    Args:
        read: data set -> digest of what was read from `data_root()`.
        accepted: names of the data sets that may be unverified.
    """
    for name in unverified(read):
        if name not in accepted:
            raise DataError(refusal(name, read[name]))


def refusal(name: str, sha256: str) -> str:
    """Return sentences which say that a data set in `data_root()` is not the published one, and what to do.

    Args:
        name: a key of PUBLISHED.
        sha256: the digest of the data.
    """
    return (
        f"{complaint(name, sha256)}. Delete {place(name)} and fetch it again (grokbench data fetch {name}), or, if "
        f"these data are meant, say so: {Option('unverified_data', name)}, or `unverified_data: [{name}]` in the suite."
    )


def complaint(name: str, sha256: str) -> str:
    """Return a sentence which says that a data set in `data_root()` is not the published one, without a full stop.

    Args:
        name: a key of PUBLISHED.
        sha256: the digest of the data.
    """
    title, expected = PUBLISHED[name]
    return (
        f"{name}: the images and labels in {place(name)} are not those of the published {title} "
        f"(digest {sha256[:16]}, expected {expected[:16]})"
    )


def place(name: str) -> Path:
    """Return the file or folder from which a data set of PUBLISHED is read."""
    return {"mnist": mnist_place, "cifar10": cifar10_place}[name]()


def check_names(names: Iterable[str]) -> None:
    """Raise SuiteError if a name is not that of a data set with a published digest.

    Args:
        names: the values of `--unverified-data`.
    """
    for name in names:
        if name not in PUBLISHED:
            raise SuiteError(
                f"{Option('unverified_data', name)}: no verified data set has this name, "
                f"expected one of: {', '.join(PUBLISHED)}{did_you_mean(name, PUBLISHED)}"
            )
