"""When a device's memory is exhausted: how that is told from other errors, and how room is made again."""

import gc

import torch

__all__ = ["exhausted", "release"]

_ON_A_CPU = ("can't allocate memory", "not enough memory")  # torch says so in a RuntimeError


def exhausted(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in _ON_A_CPU)


def release(device: str) -> None:
    """Give back what a group that is gone held on a device."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
