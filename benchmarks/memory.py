"""The most memory that this process has held at once: resident on the CPU, allocated by torch on a CUDA device."""

import resource
import sys
from pathlib import Path

__all__ = ["forget", "peak"]


def forget(device: str) -> None:
    """Start a new count on a CUDA device; what a CPU process once held cannot be forgotten."""
    if device != "cpu":
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def peak(device: str) -> int:
    """Bytes."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts what the parent held before this process became a program of its own
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
