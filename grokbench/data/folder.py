"""The data folder, the status of a data set, and the error for a damaged file.

The modules `load_mnist`, `load_cifar10` and `load_cifar10c` read the files; plugins import `grokbench.data`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import DataError

__all__ = ["DataStatus", "damaged", "data_root", "reason"]


@dataclass(frozen=True)
class DataStatus:
    """The status of a data set on this machine.

    Attributes:
        name: as `fetch` takes it.
        present: whether all files exist.
        files: the files it needs, with or without .gz, relative to `folder`; for CIFAR-10, which has two forms, those
            that are missing.
        missing: the files among them that do not exist.
        folder: the folder of the files.
        how: instructions for getting it.
    """

    name: str
    present: bool
    files: tuple[str, ...]
    missing: tuple[str, ...]
    folder: Path
    how: str


def data_root() -> Path:
    """Return the folder of all data sets: $GROKBENCH_DATA, else `grokbench` in $XDG_CACHE_HOME or ~/.cache."""
    if named := os.environ.get("GROKBENCH_DATA"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "grokbench"


def damaged(path: Path, why: str) -> DataError:
    """Return the error for a file that cannot be read.

    Args:
        path: the file.
        why: what is wrong with it, for the message.
    """
    return DataError(
        f"{path} is damaged ({why}). Delete it, so that it is downloaded again, or put a good copy in its place."
    )


def reason(error: Exception) -> str:
    """Return the last line of a library's error: torchvision lists every mirror before it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
