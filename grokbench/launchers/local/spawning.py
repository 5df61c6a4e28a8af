"""The start of a worker process, and the settings that it inherits from its parent."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

__all__ = ["start_process"]

# By default glibc returns large blocks to the system at once, and every step would cause page faults again.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32), "MALLOC_TOP_PAD_": str(2**26)}


def start_process(target: Callable[[Connection, Any], None], argument: Any) -> tuple[Any, Connection]:
    """Spawn a process.

    Args:
        target: a function that runs in the process. It gets the process's end of a pipe, and the argument.
        argument: a value that can be pickled.

    Returns:
        The process, which stops when its parent does, and the parent's end of the pipe.
    """
    context = multiprocessing.get_context("spawn")  # CUDA and threads do not survive a fork
    pipe, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, argument), daemon=True)
    with _worker_settings():
        process.start()
    theirs.close()
    return process, pipe


@contextmanager
def _worker_settings() -> Iterator[None]:
    """Let workers spawned in the block inherit allocator settings, ignore SIGINT and not re-import `__main__`."""
    wanted = {**ALLOCATOR, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with _ignoring_interrupts(), _without_main():
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Ignore SIGINT while workers are spawned: the parent stops them. Only the main thread can set a handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module, because a worker would import it: a script without a `__main__` guard would run again."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
