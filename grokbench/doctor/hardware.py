"""Descriptions of this machine's memory and CUDA devices."""

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from grokbench.doctor.finding import BAD, NOTE, OK, Finding

__all__ = ["GIB", "cuda", "memory"]

GIB = 2**30


def memory() -> str:
    """Describe the total memory and, if /proc/meminfo exists, the free memory."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        kib = {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
        return f"memory: {kib['MemTotal'] * 1024 / GIB:.1f} GiB, {kib['MemAvailable'] * 1024 / GIB:.1f} GiB free"
    except (OSError, KeyError, ValueError):
        return _total()


def cuda() -> Iterator[Finding]:
    """Check each CUDA device by a small computation; without a device, report why there is none."""
    import torch

    if torch.version.cuda is None:
        yield Finding("devices", NOTE, f"no CUDA: torch {torch.__version__} was built without it")
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    built = f"torch {torch.__version__} was built with CUDA {torch.version.cuda}"
    if there:
        yield from (_device(index) for index in range(torch.cuda.device_count()))
    elif said:  # torch warns about a faulty driver, but not about a missing driver
        why = str(said[0].message).splitlines()[0]
        yield Finding("devices", BAD, f"no CUDA device can be used: {why} ({built})", "update the driver")
    else:
        yield Finding("devices", NOTE, f"no CUDA device: {built} and finds no driver or no device")


def _device(index: int) -> Finding:
    """Check one CUDA device."""
    import torch

    facts = torch.cuda.get_device_properties(index)
    name = f"cuda:{index}: {facts.name}, {facts.total_memory / GIB:.1f} GiB, capability {facts.major}.{facts.minor}"
    try:
        torch.ones(2, device=f"cuda:{index}").sum().item()
        free = torch.cuda.mem_get_info(index)[0]
    except RuntimeError as error:
        fault = f"{name}, does not compute: {str(error).splitlines()[0]}"
        return Finding("devices", BAD, fault, "check what else uses it, and whether torch was built for its capability")
    return Finding("devices", OK, f"{name}, {free / GIB:.1f} GiB free, driver {_driver()}")


def _driver() -> str:
    """Read the version of NVIDIA's kernel module."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"\b\d+\.\d+(\.\d+)?\b", text)
    return found[0] if found else "unknown"


def _total() -> str:
    """Describe the total memory alone."""
    try:
        return f"memory: {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / GIB:.1f} GiB"
    except (AttributeError, OSError, ValueError):
        return "memory: unknown"
