"""Loader of CIFAR-10-C, the corrupted test images of CIFAR-10, from the files of a data folder."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grokbench.data.digests import collecting, digest, note
from grokbench.data.folder import DataStatus, data_root, reason
from grokbench.data.load_cifar10 import as_bytes, image_complaint, label_complaint
from grokbench.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "BENCHMARK_CORRUPTIONS",
    "CORRUPTIONS",
    "SEVERITIES",
    "check_cifar10c",
    "cifar10c",
    "cifar10c_digest",
    "cifar10c_status",
    "complete_cifar10c",
]

CORRUPTED = "CIFAR-10-C"
DIGEST = "cifar10c:"  # the digest of a corruption is recorded under this prefix and its name
BENCHMARK_CORRUPTIONS = (  # the 15 corruptions that Hendrycks & Dietterich average
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
EXTRA_CORRUPTIONS = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
CORRUPTIONS = (*BENCHMARK_CORRUPTIONS, *EXTRA_CORRUPTIONS)
SEVERITIES = 5


def cifar10c_status() -> DataStatus:
    """Return the status of CIFAR-10-C, which is never downloaded."""
    folder = data_root() / CORRUPTED
    files = ("labels.npy", *(f"{name}.npy" for name in CORRUPTIONS))
    missing = tuple(name for name in files if not (folder / name).exists())
    return DataStatus("cifar10c", not missing, files, missing, folder, _get_cifar10c(folder))


def _get_cifar10c(folder: Path) -> str:
    return f"unpack CIFAR-10-C.tar (2.9 GB) of https://zenodo.org/records/2535967 into {folder.parent} yourself"


def complete_cifar10c(corruptions: Sequence[str] = CORRUPTIONS, root: Path | None = None) -> Path:
    """Return the folder that holds the files of the given corruptions.

    Args:
        corruptions: their names; all 19 by default.
        root: the folder that holds CIFAR-10-C, `data_root()` by default.

    Raises:
        DataError: a file is missing.
    """
    folder = (root or data_root()) / CORRUPTED
    if missing := [f"{name}.npy" for name in ("labels", *corruptions) if not (folder / f"{name}.npy").exists()]:
        first = f"{missing[0]} is" if len(missing) == 1 else f"{missing[0]} and {len(missing) - 1} more are"
        raise DataError(
            f"CIFAR-10-C is not complete in {folder}: {first} missing. Please {_get_cifar10c(folder)}, or set "
            "$GROKBENCH_DATA to a folder that holds CIFAR-10-C."
        )
    return folder


def check_cifar10c(corruptions: Sequence[str] = CORRUPTIONS) -> None:
    """Check the files of the given corruptions; the images are read only if digests are collected.

    Args:
        corruptions: their names; all 19 by default.

    Raises:
        DataError: a file is missing or damaged.
    """
    complete_cifar10c(corruptions)
    for corruption in corruptions:
        cifar10c(corruption, 1)
        if collecting():
            note(f"{DIGEST}{corruption}", cifar10c_digest(corruption))


def cifar10c_digest(corruption: str) -> str:
    """Return the digest of the images and labels of one corruption in `data_root()`; raises as `cifar10c` does."""
    cifar10c(corruption, 1)
    paths = [data_root() / CORRUPTED / f"{name}.npy" for name in (corruption, "labels")]
    return _digest(*((path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=2 * len(CORRUPTIONS))
def _digest(*files: tuple[Path, int, int]) -> str:
    """Hash files, each given as its path, size and time of change; cached, since a corruption's images take 150 MB."""
    import torch

    images, labels = (_mapped(path) for path, _, _ in files)
    return digest(torch.from_numpy(images), torch.from_numpy(as_bytes(labels)))


def cifar10c(corruption: str, severity: int, root: Path | None = None) -> tuple["Tensor", "Tensor"]:
    """Load the test images of CIFAR-10 under one corruption: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.

    Args:
        corruption: the name of a corruption, such as "gaussian_noise".
        severity: from 1 to 5; it selects a fifth of the file.
        root: the folder that holds CIFAR-10-C, `data_root()` by default.

    Returns:
        Images (10000, 3, 32, 32) and labels (10000,), uint8. The images stay on the disk until they are read; do not
        write to them.

    Raises:
        DataError: the files are missing or damaged.
    """
    import torch

    folder = complete_cifar10c([corruption], root)
    images, labels = _mapped(folder / f"{corruption}.npy"), _mapped(folder / "labels.npy")
    n, rest = divmod(len(images), SEVERITIES)
    if complaint := image_complaint(images) or f"{len(images)} images for {SEVERITIES} severities" * bool(rest):
        raise _damaged(folder / f"{corruption}.npy", complaint)
    if complaint := label_complaint(images, labels):
        raise _damaged(folder / "labels.npy", complaint)
    rows = slice((severity - 1) * n, severity * n)
    return torch.from_numpy(images[rows]).permute(0, 3, 1, 2), torch.from_numpy(as_bytes(labels[rows]))


def _mapped(path: Path) -> Any:
    """Memory-map an npy file, copy-on-write, so that writing to the array cannot change the file."""
    import numpy as np

    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)
    except Exception as error:
        raise _damaged(path, f"it is not a complete npy file: {reason(error)}") from error


def _damaged(path: Path, why: str) -> DataError:
    return DataError(f"{path} is damaged ({why}). Please {_get_cifar10c(path.parent)} again.")
