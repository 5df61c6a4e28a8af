"""Loader of CIFAR-10 from the files of a data folder."""

import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grokbench.data.digests import digest, note
from grokbench.data.folder import LARGEST, DataStatus, damaged, data_root, reason, size_complaint
from grokbench.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "as_bytes",
    "cifar10",
    "cifar10_digest",
    "cifar10_place",
    "cifar10_status",
    "image_complaint",
    "label_complaint",
]

ARCHIVE = "cifar10.npz"
ARRAYS = ("x_train", "y_train", "x_test", "y_test")
BATCHES = "cifar-10-batches-py"
BATCH_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")


def cifar10_status() -> DataStatus:
    """Return the status of CIFAR-10, which may be present in either of two forms."""
    root = data_root()
    missing = tuple(f"{BATCHES}/{name}" for name in BATCH_FILES if not (root / BATCHES / name).exists())
    present = (root / ARCHIVE).exists() or not missing
    how = (
        f"grokbench data fetch cifar10 (170 MB from the internet), or put {ARCHIVE} with {', '.join(ARRAYS)}, or "
        f"torchvision's {BATCHES}, into {root} yourself"
    )
    if len(missing) == len(BATCH_FILES):  # no batch file exists: the npz file alone is enough
        missing = (ARCHIVE,)
    return DataStatus("cifar10", present, () if present else missing, () if present else missing, root, how)


def cifar10(root: str | Path | None = None) -> tuple["Tensor", "Tensor", "Tensor", "Tensor"]:
    """Load CIFAR-10: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Args:
        root: the folder that holds cifar10.npz (x_train and x_test (n, 32, 32, 3) uint8, y_train and y_test labels from
            0 to 9) or cifar-10-batches-py (torchvision's layout), `data_root()` by default. If neither exists,
            torchvision downloads the second form, whose files are read only after their checksums are verified.

    Returns:
        Training images (50000, 3, 32, 32) and labels (50000,), test images (10000, 3, 32, 32) and labels (10000,), all
        uint8 and shared between callers: do not write to them. A cifar10.npz may hold fewer images.

    Raises:
        DataError: the files are missing and cannot be downloaded, or are damaged.
    """
    folder = Path(root) if root is not None else data_root()
    arrays, sha256 = _load_cifar10(folder)
    if folder == data_root():  # only this folder's data are recorded, since `data.current_digest` reads this folder
        note("cifar10", sha256)
    return arrays


def cifar10_digest() -> str:
    """Load the images and labels in `data_root()` and return their digest; raises as `cifar10` does."""
    return _load_cifar10(data_root())[1]


def cifar10_place() -> Path:
    """Return what `cifar10` reads in `data_root()`: the npz file if it exists, else torchvision's folder."""
    archive = data_root() / ARCHIVE
    return archive if archive.exists() else data_root() / BATCHES


@lru_cache(maxsize=2)
def _load_cifar10(root: Path) -> tuple[tuple["Tensor", "Tensor", "Tensor", "Tensor"], str]:
    """Load the arrays and hash them."""
    import torch

    archive = root / ARCHIVE
    arrays = _archive(archive) if archive.exists() else _batches(root)
    for images, labels in (arrays[:2], arrays[2:]):
        if complaint := image_complaint(images) or label_complaint(images, labels):
            raise damaged(archive if archive.exists() else root / BATCHES, complaint)
    x, y, test_x, test_y = arrays
    x, test_x = (_channels_first(torch.from_numpy(images)) for images in (x, test_x))
    y, test_y = (torch.from_numpy(as_bytes(labels)) for labels in (y, test_y))
    return (x, y, test_x, test_y), digest(x, y, test_x, test_y)


def as_bytes(labels: Any) -> Any:
    """Convert integer labels (n,) or (n, 1) to (n,) uint8."""
    return labels.reshape(-1).astype("uint8")


def _channels_first(images: "Tensor") -> "Tensor":
    return images.permute(0, 3, 1, 2).contiguous()


def _archive(path: Path) -> Sequence[Any]:
    """Read the four arrays of an npz file. Nothing is unpickled, and little more memory is used than CIFAR-10 needs."""
    import numpy as np

    if complaint := size_complaint(path):
        raise damaged(path, complaint)
    try:
        _check_parts(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = [archive[name] for name in ARRAYS]  # numpy returns bytes for a part that is not an npy file
        if odd := [name for name, each in zip(ARRAYS, arrays, strict=True) if not isinstance(each, np.ndarray)]:
            raise ValueError(f"{odd[0]} is no array")
        return arrays
    except Exception as error:  # zipfile, zlib, struct and numpy raise errors of their own
        raise damaged(path, f"it is not a complete npz file with {', '.join(ARRAYS)}: {reason(error)}") from error


def _check_parts(path: Path) -> None:
    """Raise ValueError for a zip file that expands to more than LARGEST bytes, or is not compressed as by numpy."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    if not {part.compress_type for part in parts} <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError("it is compressed in another way than numpy does")
    if (size := sum(part.file_size for part in parts)) > LARGEST:
        raise ValueError(f"it expands to {size} bytes, expected at most {LARGEST}")


def _batches(root: Path) -> Sequence[Any]:
    """Read the four arrays from torchvision's files, which are downloaded if one is missing."""
    import numpy as np
    from torchvision.datasets import CIFAR10

    missing = [name for name in BATCH_FILES if not (root / BATCHES / name).exists()]
    try:
        sets = [CIFAR10(str(root), train=train, download=bool(missing)) for train in (True, False)]
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        if not missing:
            raise damaged(root / BATCHES, "its files do not have the checksums of the published ones") from error
        raise DataError(
            f"CIFAR-10 is not complete in {root / BATCHES} and could not be downloaded ({reason(error)}). Put "
            f"one of these into {root}: the file {ARCHIVE}, which contains {', '.join(ARRAYS)}, or torchvision's "
            f"folder {BATCHES}. Or set $GROKBENCH_DATA to a folder that has one of them."
        ) from error
    return [array for each in sets for array in (each.data, np.array(each.targets))]


def image_complaint(images: Any) -> str:
    """Describe what is wrong with images, which should be (n, 32, 32, 3) uint8; empty if they are right."""
    if str(images.dtype) != "uint8" or images.ndim != 4 or images.shape[1:] != (32, 32, 3):
        return f"images are {images.dtype} {images.shape}, expected uint8 (n, 32, 32, 3)"
    return ""


def label_complaint(images: Any, labels: Any) -> str:
    """Describe what is wrong with labels; empty if they are right.

    Args:
        images: (n, 32, 32, 3).
        labels: the labels, which should be (n,) or (n, 1), integers from 0 to 9.
    """
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(images),), (len(images), 1)) or not labels.size:
        return f"labels are {labels.dtype} {labels.shape} for {len(images)} images, expected an integer for each"
    low, high = labels.min(), labels.max()
    return "" if 0 <= low and high <= 9 else f"labels reach from {low} to {high}, expected from 0 to 9"
