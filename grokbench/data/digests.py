"""Digests of the data that a replica is trained on, recorded while its task reads the data."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["collecting", "digest", "fetched", "note", "recording"]

_READ: ContextVar[dict[str, str] | None] = ContextVar("_READ", default=None)


@contextmanager
def recording() -> Iterator[dict[str, str]]:
    """Collect the digests of the data sets that are loaded within a block, in this thread: name -> sha256."""
    read: dict[str, str] = {}
    before = _READ.set(read)
    try:
        yield read
    finally:
        _READ.reset(before)


def collecting() -> bool:
    """Return whether digests are collected now; if not, an expensive digest need not be computed."""
    return _READ.get() is not None


def fetched(fetches: Iterable[Callable[[], object] | None]) -> dict[str, str]:
    """Fetch data sets, and return the digests of those that were read: name -> sha256.

    Args:
        fetches: the `fetch` of tasks and metrics; None for those without data files.

    Raises:
        DataError: a data set is missing and cannot be fetched.
    """
    with recording() as read:
        for fetch in fetches:
            if fetch:
                fetch()
    return read


def note(name: str, sha256: str) -> None:
    """Record a data set that a task reads; outside of a run, do nothing.

    The digest becomes part of the provenance of the runs. `grokbench compare` reports folders whose digests differ.

    Args:
        name: the name of the data set, which no other data set may have.
        sha256: the digest of the data set, see `digest`.
    """
    if (read := _READ.get()) is not None:
        read[name] = sha256


def digest(*arrays: "Tensor") -> str:
    """Hash decoded arrays and their shapes, so that equal data have equal digests in any file format.

    Args:
        *arrays: tensors on the CPU, of any shape and dtype.

    Returns:
        A sha256 in hexadecimal digits.
    """
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype} {tuple(array.shape)}\n".encode())
        found.update(array.contiguous().numpy().data)
    return found.hexdigest()
