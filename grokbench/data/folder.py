"""The folder of all data sets, the status of a data set, and errors about damaged files.

The modules `load_mnist`, `load_cifar10` and `load_cifar10c` read the files; plugins import `grokbench.data`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import DataError

__all__ = ["LARGEST", "DataStatus", "damaged", "data_root", "reason", "size_complaint"]

LARGEST = 2**28  # most bytes of a file that is read whole, also after decompression: CIFAR-10 takes 184 MB, MNIST 55 MB


@dataclass(frozen=True)
class DataStatus:
    """The status of a data set on this machine.

    Attributes:
        name: the name of the data set.
        present: True if it can be loaded without a download.
        files: every file that it needs, relative to `folder`, with or without .gz.
        missing: the files that do not exist.
        folder: the folder that the files belong in.
        how: instructions for the user to get the files.
    """

    name: str
    present: bool
    files: tuple[str, ...]
    missing: tuple[str, ...]
    folder: Path
    how: str


def data_root() -> Path:
    """Return the folder of all data sets: $GROKBENCH_DATA, or by default `grokbench` in $XDG_CACHE_HOME or ~/.cache."""
    if named := os.environ.get("GROKBENCH_DATA"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "grokbench"


def damaged(path: Path, why: str) -> DataError:
    """Return the error about a file that cannot be read in its format.

    Args:
        path: the path of the file.
        why: what is wrong with the file, in a few words.
    """
    return DataError(
        f"{path} is damaged ({why}). Delete it, so that it is downloaded again, or put a good copy in its place."
    )


def size_complaint(path: Path) -> str:
    """Return the reason why a file cannot be read: it is not an ordinary file, or too large; empty if it can be."""
    if not path.is_file():
        return "it is no ordinary file"
    size = path.stat().st_size
    return f"it has {size} bytes, expected at most {LARGEST}" if size > LARGEST else ""


def reason(error: Exception) -> str:
    """Return the last line of a library's message; torchvision's messages list the tried mirrors before it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
