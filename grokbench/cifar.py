"""CIFAR-10, and CIFAR-10-C, its test images corrupted, from the files of a data folder."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grokbench.datasets import DataStatus, damaged, data_root, reason
from grokbench.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "BENCHMARK_CORRUPTIONS",
    "CORRUPTIONS",
    "SEVERITIES",
    "check_cifar10c",
    "cifar10",
    "cifar10_status",
    "cifar10c",
    "cifar10c_status",
    "complete_cifar10c",
]

ARCHIVE = "cifar10.npz"
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
BATCHES = "cifar-10-batches-py"
BATCH_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")

CORRUPTED = "CIFAR-10-C"
BENCHMARK_CORRUPTIONS = (  # the 15 that Hendrycks & Dietterich average
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
EXTRA_CORRUPTIONS = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
CORRUPTIONS = (*BENCHMARK_CORRUPTIONS, *EXTRA_CORRUPTIONS)
SEVERITIES = 5


def cifar10_status() -> DataStatus:
    """Whether one of the two forms of CIFAR-10 is here."""
    root = data_root()
    missing = tuple(f"{BATCHES}/{name}" for name in BATCH_FILES if not (root / BATCHES / name).exists())
    present = (root / ARCHIVE).exists() or not missing
    how = (
        f"grokbench data fetch cifar10 (170 MB from the internet), or put {ARCHIVE} with {', '.join(ARRAYS)}, or "
        f"torchvision's {BATCHES}, into {root} yourself"
    )
    if len(missing) == len(BATCH_FILES):  # nothing begun: one file is enough
        missing = (ARCHIVE,)
    return DataStatus("cifar10", present, () if present else missing, () if present else missing, root, how)


def cifar10(root: str | Path | None = None) -> tuple["Tensor", "Tensor", "Tensor", "Tensor"]:
    """CIFAR-10: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Args:
        root: the folder that holds cifar10.npz (x_train and x_test (n, 32, 32, 3) uint8, y_train and y_test labels from
            0 to 9) or cifar-10-batches-py (torchvision's layout), `data_root()` by default. Where neither is there
            torchvision downloads the second; it reads those files only after their checksums were found right.

    Returns:
        Training images (50000, 3, 32, 32) and labels (50000,), test images (10000, 3, 32, 32) and labels (10000,), all
        uint8 and shared between callers: do not write to them. A cifar10.npz may hold fewer.

    Raises:
        DataError: the files are missing and cannot be downloaded, or are damaged.
    """
    return _load_cifar10(Path(root) if root is not None else data_root())


@lru_cache(maxsize=2)
def _load_cifar10(root: Path) -> tuple["Tensor", "Tensor", "Tensor", "Tensor"]:
    import torch

    archive = root / ARCHIVE
    arrays = _archive(archive) if archive.exists() else _batches(root)
    for images, labels in (arrays[:2], arrays[2:]):
        if complaint := _image_complaint(images) or _label_complaint(images, labels):
            raise damaged(archive if archive.exists() else root / BATCHES, complaint)
    x, y, test_x, test_y = arrays
    x, test_x = (_channels_first(torch.from_numpy(images)) for images in (x, test_x))
    y, test_y = (torch.from_numpy(_bytes(labels)) for labels in (y, test_y))
    return x, y, test_x, test_y


def _bytes(labels: Any) -> Any:
    """Labels (n,) or (n, 1) of any integers as (n,) uint8."""
    return labels.reshape(-1).astype("uint8")


def _channels_first(images: "Tensor") -> "Tensor":
    return images.permute(0, 3, 1, 2).contiguous()


def _archive(path: Path) -> Sequence[Any]:
    """The four arrays of an npz file; nothing in it is unpickled."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return [archive[name] for name in ARRAYS]
    except Exception as error:  # zipfile, zlib, struct and numpy each have their own
        raise damaged(path, f"it is no whole npz file with {', '.join(ARRAYS)}: {reason(error)}") from error


def _batches(root: Path) -> Sequence[Any]:
    """The same from torchvision's files, downloaded where they are not there."""
    import numpy as np
    from torchvision.datasets import CIFAR10

    try:
        sets = [CIFAR10(str(root), train=train, download=True) for train in (True, False)]
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"CIFAR-10 is not complete in {root / BATCHES} and could not be downloaded ({reason(error)}). Put "
            f"{ARCHIVE} with {', '.join(ARRAYS)} into {root}, or torchvision's {BATCHES}, or set $GROKBENCH_DATA to a "
            "folder that holds one of them."
        ) from error
    return [array for each in sets for array in (each.data, np.array(each.targets))]


def _image_complaint(images: Any) -> str:
    """What is wrong with images (n, 32, 32, 3) uint8; empty if nothing is."""
    if str(images.dtype) != "uint8" or images.ndim != 4 or images.shape[1:] != (32, 32, 3):
        return f"images are {images.dtype} {images.shape}, expected uint8 (n, 32, 32, 3)"
    return ""


def _label_complaint(images: Any, labels: Any) -> str:
    """What is wrong with labels (n,) or (n, 1) from 0 to 9; empty if nothing is."""
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(images),), (len(images), 1)) or not labels.size:
        return f"labels are {labels.dtype} {labels.shape} for {len(images)} images, expected an integer for each"
    return "" if 0 <= labels.min() and labels.max() <= 9 else f"labels reach from {labels.min()} to {labels.max()}"


def cifar10c_status() -> DataStatus:
    """Which files of CIFAR-10-C are here; it is not downloaded by itself."""
    folder = data_root() / CORRUPTED
    files = ("labels.npy", *(f"{name}.npy" for name in CORRUPTIONS))
    missing = tuple(name for name in files if not (folder / name).exists())
    return DataStatus("cifar10c", not missing, files, missing, folder, _get_cifar10c(folder))


def _get_cifar10c(folder: Path) -> str:
    return f"unpack CIFAR-10-C.tar (2.9 GB) of https://zenodo.org/records/2535967 into {folder.parent} yourself"


def complete_cifar10c(corruptions: Sequence[str] = CORRUPTIONS, root: Path | None = None) -> Path:
    """The folder that holds these corruptions; DataError where a file of them is missing."""
    folder = (root or data_root()) / CORRUPTED
    if missing := [f"{name}.npy" for name in ("labels", *corruptions) if not (folder / f"{name}.npy").exists()]:
        first = f"{missing[0]} is" if len(missing) == 1 else f"{missing[0]} and {len(missing) - 1} more are"
        raise DataError(
            f"CIFAR-10-C is not complete in {folder}: {first} missing. Please {_get_cifar10c(folder)}, or set "
            "$GROKBENCH_DATA to a folder that holds CIFAR-10-C."
        )
    return folder


def check_cifar10c(corruptions: Sequence[str] = CORRUPTIONS) -> None:
    """DataError where a file of these corruptions is missing or damaged; the images themselves are not read."""
    complete_cifar10c(corruptions)
    for corruption in corruptions:
        cifar10c(corruption, 1)


def cifar10c(corruption: str, severity: int, root: Path | None = None) -> tuple["Tensor", "Tensor"]:
    """The test images of CIFAR-10 under one corruption: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.

    Args:
        corruption: one of the 19, such as "gaussian_noise".
        severity: from 1 to 5: which fifth of the file.
        root: the folder that holds CIFAR-10-C, `data_root()` by default.

    Returns:
        Images (10000, 3, 32, 32) and labels (10000,), uint8. The images stay on the disk until they are read: do not
        write to them.

    Raises:
        DataError: the files are missing or damaged.
    """
    import torch

    folder = complete_cifar10c([corruption], root)
    images, labels = _mapped(folder / f"{corruption}.npy"), _mapped(folder / "labels.npy")
    n, rest = divmod(len(images), SEVERITIES)
    if complaint := _image_complaint(images) or f"{len(images)} images for {SEVERITIES} severities" * bool(rest):
        raise _spoilt(folder / f"{corruption}.npy", complaint)
    if complaint := _label_complaint(images, labels):
        raise _spoilt(folder / "labels.npy", complaint)
    rows = slice((severity - 1) * n, severity * n)
    return torch.from_numpy(images[rows]).permute(0, 3, 1, 2), torch.from_numpy(_bytes(labels[rows]))


def _mapped(path: Path) -> Any:
    """An array that stays on the disk. Copied on write: what reads it may not change it."""
    import numpy as np

    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)
    except Exception as error:
        raise _spoilt(path, f"it is no whole npy file: {reason(error)}") from error


def _spoilt(path: Path, why: str) -> DataError:
    return DataError(f"{path} is damaged ({why}). Please {_get_cifar10c(path.parent)} again.")
