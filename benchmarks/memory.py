"""The peak memory of this process: resident on the CPU, allocated by torch on a CUDA device."""

import resource
import sys
from pathlib import Path

__all__ = ["reset_peak", "peak"]


def reset_peak(device: str) -> None:
    """Reset the peak of a CUDA device; that of a CPU process cannot be reset."""
    if device != "cpu":
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def peak(device: str) -> int:
    """Return the peak memory in bytes."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():  # getrusage includes the memory of the parent, from between fork and exec
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
