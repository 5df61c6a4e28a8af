"""Files that survive a crash: written whole or not at all, by one process at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grokbench.errors import StoreError

__all__ = ["clean", "locked", "make_folder", "move", "write"]


def write(path: Path, content: bytes) -> None:
    """Put a file in its place, whole or not at all, even when the power fails.

    Raises:
        StoreError: it cannot be written; what was there before still is.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _flush_folder(path.parent)


def clean(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left in `folder`, which should be locked."""
    with _explained(folder):
        for leftover in folder.rglob(".*.tmp"):
            leftover.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; StoreError where that cannot be done."""
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)


def move(source: Path, target: Path) -> None:
    """Move a file within a file system; StoreError where that cannot be done."""
    make_folder(target.parent)
    with _explained(target):
        os.replace(source, target)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, `.lock`; the system lets go of it when this process ends, however it ends.

    Raises:
        StoreError: another process holds it.
    """
    import fcntl  # not on Windows, where results can still be read

    with _explained(folder):
        file = (folder / ".lock").open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"Another grokbench is writing to {folder}: wait until it ends, or choose another folder with --out."
            ) from None
        yield


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}). Make room there or choose another folder with --out; "
            f"what was saved before is kept."
        ) from error
