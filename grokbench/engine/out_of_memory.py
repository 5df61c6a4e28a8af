"""Out-of-memory errors: how they are recognised, and how memory is given back."""

import ctypes
import gc
from contextlib import suppress

__all__ = ["exhausted", "release", "tells_of_exhaustion", "trim"]

# torch says so in a RuntimeError: on a CPU, and where CUDA or a library of it has allocated by itself
_SAID = ("can't allocate memory", "not enough memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


def exhausted(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that memory ran out."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or tells_of_exhaustion(type(seen).__name__, str(seen)):
            return True
        seen = seen.__context__
    return False


def tells_of_exhaustion(kind: str, said: str) -> bool:
    """Whether an exception of this class name and message says that memory ran out, as read off a traceback."""
    if kind in ("OutOfMemoryError", "MemoryError"):
        return True
    return kind in ("RuntimeError", "AcceleratorError") and any(phrase in said for phrase in _SAID)


def release(device: str) -> None:
    """Give back the memory that a deleted group held on a device."""
    gc.collect()
    trim()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def trim() -> None:
    """Have glibc give back the blocks it keeps; other C libraries are left alone."""
    with suppress(AttributeError, OSError, TypeError):  # a library of another kind
        ctypes.CDLL(None).malloc_trim(0)
