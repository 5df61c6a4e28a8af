"""Out-of-memory errors: recognising them, and releasing memory."""

import ctypes
import gc
from contextlib import suppress

__all__ = ["describes_exhaustion", "exhausted", "release", "trim"]

# Phrases in a RuntimeError of torch on a CPU, or of CUDA and its libraries when they allocate memory themselves.
_PHRASES = ("can't allocate memory", "not enough memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


def exhausted(error: BaseException) -> bool:
    """Return whether an error, or an error in the chain of its contexts, means that memory ran out."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or describes_exhaustion(type(seen).__name__, str(seen)):
            return True
        seen = seen.__context__
    return False


def describes_exhaustion(kind: str, message: str) -> bool:
    """Return whether an exception means that memory ran out, from the text of a traceback.

    Args:
        kind: the name of the exception's class.
        message: the exception's message.
    """
    if kind in ("OutOfMemoryError", "MemoryError"):
        return True
    return kind in ("RuntimeError", "AcceleratorError") and any(phrase in message for phrase in _PHRASES)


def release(device: str) -> None:
    """Release the memory that a deleted group held on a device."""
    gc.collect()
    trim()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


def trim() -> None:
    """Make glibc return its free blocks to the system; does nothing with another C library."""
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
