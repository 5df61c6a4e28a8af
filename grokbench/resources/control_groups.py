"""The limits of Linux control groups (cgroups), versions 1 and 2, which containers and batch systems set.

A limit of a group also holds for the groups below it, so the smallest limit from the process's group up to the root
counts. Kernel documentation: admin-guide/cgroup-v2 (`cpu.max`, `memory.max`, `memory.high`), scheduler/sched-bwc
(`cpu.cfs_quota_us`) and admin-guide/cgroup-v1/memory (`memory.limit_in_bytes`).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

__all__ = ["Limits", "limits", "text"]

LONGEST = 2**20  # most characters that are read of a file; the files have only some lines
UNLIMITED = 2**60  # bytes; version 1 writes "no limit" as the largest number of pages
MOUNTED = re.compile(r"^\S+ \S+ \S+ (?P<root>\S+) (?P<place>\S+) .* - (?P<kind>cgroup2?) \S+ (?P<options>\S+)$", re.M)


class Limits(NamedTuple):
    """The limits of control groups; None means that there is no limit.

    Attributes:
        cores: seconds of processor time per second, for all processes of the group.
        memory: bytes, for all processes of the group.
    """

    cores: float | None
    memory: int | None


def limits(root: Path) -> Limits:
    """Read the limits of this process's control groups. A limit that cannot be read is ignored.

    Args:
        root: the folder with `proc` and with the places that `proc/self/mountinfo` names.
    """
    cpu, memory = [*_groups(root, "cpu")], [*_groups(root, "memory")]
    quotas = [quota for folder in cpu for quota in (_quota(folder), _quota_1(folder)) if quota]
    names = ("memory.max", "memory.high", "memory.limit_in_bytes")
    sizes = [_positive(text(folder / name)) for folder in memory for name in names]
    return Limits(min(quotas, default=None), min((size for size in sizes if 0 < size < UNLIMITED), default=None))


def text(file: Path) -> str:
    """Return the content of a small file; empty if it cannot be read."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(LONGEST)
    except OSError:
        return ""


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's groups, from the innermost to the outermost that is visible."""
    own = _own_groups(text(root / "proc/self/cgroup"))
    for mount in MOUNTED.finditer(text(root / "proc/self/mountinfo")):
        unified = mount["kind"] == "cgroup2"
        group = own.get("" if unified else controller)
        if group is not None and (unified or controller in mount["options"].split(",")):
            place = root / mount["place"].lstrip("/")
            yield from _chain(place, _below(group, PurePosixPath(mount["root"])))


def _own_groups(lines: str) -> dict[str, PurePosixPath]:
    """Map each controller to this process's group. The single hierarchy of version 2 has the name ""."""
    found = dict[str, PurePosixPath]()
    for line in lines.splitlines():
        _, _, rest = line.partition(":")
        names, separator, path = rest.partition(":")
        if separator and path.startswith("/"):
            found |= dict.fromkeys(names.split(","), PurePosixPath(path))
    return found


def _below(group: PurePosixPath, mounted: PurePosixPath) -> Iterable[str]:
    """Return the parts of a group's path below the mounted group; none if the group lies elsewhere.

    A container without its own namespace sees its group's path on the host, but only this group is mounted.
    """
    parts = group.relative_to(mounted).parts if group.is_relative_to(mounted) else ()
    return () if ".." in parts else parts


def _chain(place: Path, parts: Iterable[str]) -> Iterator[Path]:
    folder = place.joinpath(*parts)
    yield folder
    yield from (parent for parent in folder.parents if parent.is_relative_to(place))


def _quota(folder: Path) -> float | None:
    """Read `cpu.max` of version 2: a quota or "max", and a period, in microseconds."""
    quota, period = [*text(folder / "cpu.max").split(), "", ""][:2]
    return _ratio(quota, period)


def _quota_1(folder: Path) -> float | None:
    """Read the quota (-1: none) and the period of version 1."""
    return _ratio(text(folder / "cpu.cfs_quota_us"), text(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    amount, each = _positive(quota), _positive(period)
    return amount / each if amount and each else None


def _positive(number: str) -> int:
    """Read a positive number of at most 20 digits; 0 for anything else, such as "max" and -1."""
    return int(number) if re.fullmatch(r"[0-9]{1,20}\s*", number) else 0
