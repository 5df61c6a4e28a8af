"""Records as lines of strict JSON and back. Values that JSON does not know are "NaN", "Infinity" and "-Infinity"."""

import stat
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter
from pydantic_core import to_json

__all__ = ["LONGEST", "dump", "open_file", "parse", "read"]

LONGEST = 2**26  # bytes of a line, or of a file that is read at once: none of ours comes near, and memory is finite


def dump(data: Any) -> bytes:
    """A line of strict JSON."""
    return to_json(data, inf_nan_mode="strings") + b"\n"


def parse(kind: Any, line: bytes) -> Any:
    """Data of this type from a line of JSON; a ValueError where it is anything else."""
    return _adapter(kind).validate_json(line)


def read(kind: Any, path: Path) -> Any:
    """Data of this type from a file; a ValueError where it is anything else, or too long to be one of ours."""
    with open_file(path) as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise ValueError(f"{path} is longer than {LONGEST} bytes")
    return parse(kind, content)


def open_file(path: Path) -> BinaryIO:
    """A file to be read; a ValueError for a pipe or a device, which might never end, or never begin."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is no file")
    return path.open("rb")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
