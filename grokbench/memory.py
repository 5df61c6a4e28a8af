"""When a device's memory is exhausted: how that is told from other errors, and how room is made again."""

import ctypes
import gc
from contextlib import suppress

__all__ = ["SPARE", "exhausted", "release", "tells_of_exhaustion", "trim"]

SPARE = 0.1  # of a CUDA device: contexts, workspaces of libraries, fragments

# torch says so in a RuntimeError: on a CPU, and where CUDA or a library of it has allocated by itself
_SAID = ("can't allocate memory", "not enough memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


def exhausted(error: BaseException) -> bool:
    """Whether an error says that memory ran out, or came of one that does: a recording complains of its own end too."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or tells_of_exhaustion(type(seen).__name__, str(seen)):
            return True
        seen = seen.__context__
    return False


def tells_of_exhaustion(kind: str, said: str) -> bool:
    """The same of an exception's name and message, as a traceback ends with them."""
    if kind in ("OutOfMemoryError", "MemoryError"):
        return True
    return kind in ("RuntimeError", "AcceleratorError") and any(phrase in said for phrase in _SAID)


def release(device: str) -> None:
    """Give back what a group that is gone held on a device."""
    gc.collect()
    trim()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def trim() -> None:
    """Give back what glibc keeps of freed blocks; elsewhere, nothing."""
    with suppress(AttributeError, OSError, TypeError):  # a library of another kind
        ctypes.CDLL(None).malloc_trim(0)
