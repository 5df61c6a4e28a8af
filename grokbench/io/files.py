"""Reading of files that other people may have made: opening does not hang, and the size in memory is limited."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["file_size", "open_file", "read_bytes"]

# Windows lacks these flags; there, the path of a file in a folder cannot name a pipe.
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def open_file(path: Path) -> BinaryIO:
    """Open a file to be read.

    Raises:
        ValueError: the path is a link, a folder, a pipe or a device. A link may lead elsewhere, and reading from a pipe
            or a device might never begin or never end. The message is a clause: `it is a link, expected a file`.
        OSError: the file cannot be opened.
    """
    _check(path.lstat().st_mode)
    file = os.fdopen(os.open(path, FLAGS), "rb")
    try:
        _check(os.fstat(file.fileno()).st_mode)  # the file may have been replaced since the check
    except ValueError:
        file.close()
        raise
    return file


def file_size(file: BinaryIO) -> int:
    """Return the number of bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file whose size is checked before its content is read.

    Args:
        path: the path of the file.
        most: the largest allowed size, in bytes.

    Raises:
        ValueError: see `open_file`; or the file is longer.
        OSError: the file cannot be read.
    """
    with open_file(path) as file:
        if (size := file_size(file)) > most:
            raise ValueError(f"it has {size} bytes, expected at most {most}")
        return file.read(most)


def _check(mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise ValueError("it is a link, expected a file")
    if not stat.S_ISREG(mode):
        raise ValueError("it is a folder, a pipe or a device, expected a file")
