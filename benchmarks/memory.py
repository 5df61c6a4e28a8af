"""The memory of this process: its peak, and the allocator settings of the engine's workers."""

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path

from grokbench.launchers.local.spawning import ALLOCATOR

__all__ = ["keep_freed_memory", "peak", "reset_peak"]

# the numbers of the settings in glibc's malloc.h
MALLOPT = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_TOP_PAD_": -2, "MALLOC_MMAP_THRESHOLD_": -3}
LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> None:
    """Make this process allocate memory as the engine's workers do; without glibc this does nothing.

    By default glibc returns large tensors to the system at once, so every operation that makes one causes page faults.
    """
    with suppress(AttributeError, OSError, TypeError):  # a C library other than glibc
        for name, value in ALLOCATOR.items():
            ctypes.CDLL(None).mallopt(MALLOPT[name], min(int(value), LARGEST_INT))


def reset_peak(device: str) -> None:
    """Reset the peak of a CUDA device; that of a CPU process cannot be reset."""
    if device != "cpu":
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def peak(device: str) -> int:
    """Return the peak memory in bytes: resident on the CPU, allocated by torch on a CUDA device."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would include the parent's memory, from between fork and exec
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
