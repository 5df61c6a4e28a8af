"""The lock of a folder, so that one process at a time writes to it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from grokbench.errors import StoreError
from grokbench.io import links
from grokbench.io.atomic import explained
from grokbench.text.options import Option

__all__ = ["LOCK", "holds", "is_locked", "locked"]

LOCK = ".lock"
PATIENCE = 0.2  # seconds to wait for the lock, because `is_locked` in another process takes it for an instant
OPENED_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)  # do not wait for a pipe


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, `.lock`; the system releases it when this process ends, however it ends.

    Raises:
        StoreError: another process holds the lock, or the folder cannot be written.
    """
    import fcntl  # not on Windows, where results can still be read

    links.refuse(folder / LOCK, folder)
    with explained(folder):
        file = os.fdopen(os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT | OPENED_AT_ONCE, 0o666), "wb")
    with file:
        deadline = time.monotonic() + PATIENCE
        while not _taken(file, folder, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise StoreError(
                    f"Another grokbench is writing to {folder}: wait until it ends, or choose another folder "
                    f"({Option('out')})."
                )
            time.sleep(PATIENCE / 10)
        yield


def is_locked(folder: Path) -> bool:
    """Return whether a process holds the folder's lock now; False if this cannot be determined."""
    try:
        import fcntl

        with os.fdopen(os.open(folder / LOCK, os.O_RDONLY | OPENED_AT_ONCE), "rb") as file:
            return not _taken(file, folder, fcntl.LOCK_SH)
    except (ImportError, OSError, StoreError):
        return False


def _taken(file: IO[bytes], folder: Path, kind: int) -> bool:
    """Take a lock until the file is closed; False if another process holds it."""
    import fcntl

    with explained(folder):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def holds(pid: int, folder: Path) -> bool:
    """Return whether a process of this user has the folder's lock file open; False if the system does not say.

    Args:
        pid: the number of the process.
        folder: the folder.
    """
    try:
        lock = (folder / LOCK).lstat()
        files = [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(_is(lock, file) for file in files)


def _is(status: os.stat_result, file: str) -> bool:
    try:
        return os.path.samestat(status, os.stat(file))
    except OSError:  # it was closed meanwhile
        return False
