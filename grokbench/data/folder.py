"""Where data sets lie: the folder of all of them, and what is said about one that is not there or damaged.

`mnist`, `cifar10` and `cifar10c` read them; plugins ask `grokbench.data`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import DataError

__all__ = ["DataStatus", "damaged", "data_root", "reason"]


@dataclass(frozen=True)
class DataStatus:
    """Whether a data set is here, and what to do when it is not."""

    name: str
    present: bool
    files: tuple[str, ...]  # every file it needs, with or without .gz
    missing: tuple[str, ...]  # those of them that are not there
    folder: Path  # where they belong
    how: str  # to get it


def data_root() -> Path:
    """The folder of all data sets: $GROKBENCH_DATA, else `grokbench` in $XDG_CACHE_HOME or ~/.cache."""
    if named := os.environ.get("GROKBENCH_DATA"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "grokbench"


def damaged(path: Path, why: str) -> DataError:
    """What is said of a file that cannot be read as what it should be."""
    return DataError(
        f"{path} is damaged ({why}). Delete it, so that it is downloaded again, or put a good copy in its place."
    )


def reason(error: Exception) -> str:
    """The last line of what a library says: torchvision lists every mirror before it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
