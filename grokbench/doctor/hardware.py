"""Descriptions of this machine's memory, compiler and CUDA devices."""

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from grokbench import resources
from grokbench.doctor.finding import BAD, NOTE, OK, Finding
from grokbench.resources.compiler import code_folder, compiler, missing_compiler
from grokbench.resources.control_groups import text
from grokbench.text.options import Option

__all__ = ["GIB", "compilation", "cuda", "memory"]

GIB = 2**30


def memory(root: Path = resources.ROOT) -> str:
    """Describe the memory that this process may use, what limits it and, if /proc/meminfo exists, the free memory.

    Args:
        root: the folder with `proc`, for tests.
    """
    known = resources.memory(root)
    if known is None:
        return "memory: unknown"
    free = re.search(r"^MemAvailable:\s+(\d+) kB$", text(root / "proc/meminfo"), re.MULTILINE)
    more = f", {int(free[1]) * 1024 / GIB:.1f} GiB free on the machine" if free else ""
    return f"memory: {known.amount / GIB:.1f} GiB ({known.source}){more}"


def compilation() -> Finding:
    """Check what `grokbench run --compile` needs on a CPU: a C++ compiler, and a folder for the compiled code."""
    if why := missing_compiler():
        return Finding("devices", NOTE, f"no {Option('compile')}: {why}")
    folder = code_folder().absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        text = f"{Option('compile')} would compile the same code in every run: {folder} cannot be written"
        return Finding("devices", NOTE, text, "name another folder: $TORCHINDUCTOR_CACHE_DIR")
    return Finding(
        "devices", OK, f"C++ compiler {compiler()}: {Option('compile')} can be used, compiled code is kept in {folder}"
    )


def cuda() -> Iterator[Finding]:
    """Check each CUDA device by a small computation; if there is none, report the reason."""
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
        content = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        content = ""
    found = re.search(r"\b\d+\.\d+(\.\d+)?\b", content)
    return found[0] if found else "unknown"
