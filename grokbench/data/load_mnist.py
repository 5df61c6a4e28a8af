"""Loader of MNIST from the files of a data folder."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.data.digests import digest, note
from grokbench.data.folder import DataStatus, damaged, data_root, reason, size_complaint
from grokbench.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MNIST_FILES", "complete_mnist", "mnist", "mnist_digest", "mnist_place", "mnist_status"]

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def mnist_status() -> DataStatus:
    """Return the status of MNIST."""
    folder = _mnist_folder(data_root())
    missing = tuple(name for name in MNIST_FILES if not any(path.exists() for path in _forms(folder / name)))
    how = f"grokbench data fetch mnist (11 MB from the internet), or put the files into {folder} yourself"
    return DataStatus("mnist", not missing, MNIST_FILES, missing, folder, how)


def mnist(root: str | Path | None = None) -> tuple["Tensor", "Tensor", "Tensor", "Tensor"]:
    """Load MNIST: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist.

    Args:
        root: the folder that holds MNIST/raw (torchvision's layout), `data_root()` by default. Missing files are
            downloaded by torchvision, which verifies their checksums.

    Returns:
        Training images (60000, 28, 28) and labels (60000,), test images (10000, 28, 28) and labels (10000,), all
        uint8 and shared between callers: do not write to them.

    Raises:
        DataError: a file is missing and cannot be downloaded, or is damaged.
    """
    folder = Path(root) if root is not None else data_root()
    arrays, sha256 = _load_mnist(folder)
    if folder == data_root():  # only this folder's data are recorded, since `data.current_digest` reads this folder
        note("mnist", sha256)
    return arrays


def mnist_digest() -> str:
    """Load the images and labels in `data_root()` and return their digest; raises as `mnist` does."""
    return _load_mnist(data_root())[1]


def mnist_place() -> Path:
    """Return the folder of the files in `data_root()`."""
    return _mnist_folder(data_root())


@lru_cache(maxsize=2)
def _load_mnist(root: Path) -> tuple[tuple["Tensor", "Tensor", "Tensor", "Tensor"], str]:
    """Load the arrays and hash them."""
    from torchvision.datasets.mnist import read_image_file, read_label_file

    folder = complete_mnist(root)
    paths = [folder / name for name in MNIST_FILES]
    readers = (read_image_file, read_label_file) * 2
    train_x, train_y, test_x, test_y = [_read(path, reader) for path, reader in zip(paths, readers, strict=True)]
    for path, images, labels in ((paths[0], train_x, train_y), (paths[2], test_x, test_y)):
        if images.shape != (len(labels), 28, 28) or labels.max() > 9:
            raise damaged(path, f"{tuple(images.shape)} images for {len(labels)} labels up to {labels.max()}")
    arrays = (train_x, train_y.byte(), test_x, test_y.byte())
    return arrays, digest(*arrays)


def _read(path: Path, reader: Callable[[str], "Tensor"]) -> "Tensor":
    """Read an idx file; raise DataError if the file is damaged, empty or too large."""
    if complaint := size_complaint(path):
        raise damaged(path, complaint)
    try:
        tensor = reader(str(path))
    except (AssertionError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise damaged(path, "it is not a complete idx file") from error
    if not len(tensor):
        raise damaged(path, "it is empty")
    return tensor


def complete_mnist(root: Path) -> Path:
    """Download or unpack the missing files, and return their folder.

    Args:
        root: the folder that holds, or will hold, MNIST/raw.

    Raises:
        DataError: a file is missing and cannot be downloaded.
    """
    folder = _mnist_folder(root)
    if all((folder / name).exists() for name in MNIST_FILES):
        return folder
    from torchvision.datasets import MNIST

    try:
        MNIST(str(root), download=True)
    except (AssertionError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        absent = [name for name in MNIST_FILES if not (folder / name).exists()]
        if absent:
            raise DataError(
                f"MNIST is not complete in {folder} and could not be downloaded ({reason(error)}). Put "
                f"{', '.join(absent)} there, with or without .gz, or set $GROKBENCH_DATA to a folder that holds them "
                "in MNIST/raw."
            ) from error
    return folder


def _mnist_folder(root: Path) -> Path:
    return root / "MNIST" / "raw"


def _forms(path: Path) -> tuple[Path, Path]:
    """Return the paths of a file in its plain and its compressed form."""
    return path, path.with_name(path.name + ".gz")
