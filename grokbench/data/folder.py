"""The folder of all data sets, the status of a data set, and the error about a damaged file.

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
    """Make the error about a file that cannot be read in its format.

    Args:
        path: the path of the file.
        why: what is wrong with the file, in a few words.
    """
    return DataError(
        f"{path} is damaged ({why}). Delete it, so that it is downloaded again, or put a good copy in its place."
    )


def reason(error: Exception) -> str:
    """Return the last line of a library's message, which follows torchvision's list of mirrors."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
