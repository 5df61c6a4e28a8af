"""The cores and the memory that this process may use, within the limits of a container or a batch system."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from grokbench.resources.control_groups import limits, text

__all__ = ["CPU_MEMORY", "PROCESS_MEMORY", "Amount", "cores", "cpu_workers", "group_memory", "memory"]

CPU_MEMORY = 2**30  # bytes for the replicas of a group on the CPU; each core has a worker that trains a group
PROCESS_MEMORY = 2**29  # bytes for a worker with torch but without replicas, and for its share of the parent process
ROOT = Path("/")


class Amount(NamedTuple):
    """An amount of a resource.

    Attributes:
        amount: cores, or bytes.
        source: the limit that decides the amount, as a text for users.
    """

    amount: int
    source: str


def cores(root: Path = ROOT) -> Amount:
    """Return the number of cores: the smaller of this process's affinity and its control groups' quota.

    The number is rounded down, but is at least one. With two workers on a quota of 1.5 cores, both would be stopped for
    a part of every period, and their seconds would not be comparable.

    Args:
        root: the folder with `proc`, for tests.
    """
    every = os.cpu_count() or 1
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else every  # not on macOS and Windows
    quota = limits(root).cores
    if quota is not None and quota < affinity:
        return Amount(max(1, int(quota)), "container quota")
    return Amount(affinity, "affinity" if affinity < every else "all of the machine")


def memory(root: Path = ROOT) -> Amount | None:
    """Return the bytes of memory: the smallest of the machine's memory, the control groups' limit and `ulimit -v`.

    Args:
        root: the folder with `proc`, for tests.

    Returns:
        The bytes; None if nothing is known.
    """
    known = (
        (_physical(root), "all of the machine"),
        (limits(root).memory, "container limit"),
        (_address_space(), "ulimit -v"),
    )
    return min((Amount(amount, source) for amount, source in known if amount), default=None, key=lambda each: each[0])


def cpu_workers(count: int) -> int:
    """Return the number of CPU workers that fit into memory: at most the given number, at least one.

    Less memory gives fewer workers, not smaller groups, because the numbers of a run depend on the size of its group.
    """
    known = memory()
    return max(1, min(count, known.amount // (PROCESS_MEMORY + CPU_MEMORY))) if known else count


def group_memory(most: int = CPU_MEMORY) -> int:
    """Return the bytes for a group on the CPU: `most`, or what the memory leaves for one worker if that is less."""
    known = memory()
    return max(0, min(most, known.amount - PROCESS_MEMORY)) if known else most


def _physical(root: Path) -> int | None:
    if found := re.search(r"^MemTotal:\s+(\d+) kB$", text(root / "proc/meminfo"), re.MULTILINE):
        return int(found[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _address_space() -> int | None:
    """Return the limit of this process's address space; its workers inherit it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if soft == resource.RLIM_INFINITY else soft
