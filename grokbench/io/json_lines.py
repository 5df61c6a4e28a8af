"""Records as lines of strict JSON and back. Numbers that JSON does not have are "NaN", "Infinity" and "-Infinity"."""

import stat
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter
from pydantic_core import to_json

__all__ = ["LONGEST", "dump", "open_file", "parse", "read"]

LONGEST = 2**26  # most bytes of a line or a file that are read; GrokBench's own files are far shorter


def dump(data: Any) -> bytes:
    """Write data, which may contain records, as a line of strict JSON."""
    return to_json(data, inf_nan_mode="strings") + b"\n"


def parse(kind: Any, line: bytes) -> Any:
    """Read data of a type from a line of JSON.

    Args:
        kind: a type that pydantic can validate.
        line: UTF-8, with or without its line break.

    Raises:
        ValueError: the line holds other data (pydantic's errors are ValueErrors).
    """
    return _adapter(kind).validate_json(line)


def read(kind: Any, path: Path) -> Any:
    """Read data of a type from a file.

    Args:
        kind: a type that pydantic can validate.
        path: the path of a file with one JSON value, of at most LONGEST bytes.

    Raises:
        ValueError: the file holds other data, or is longer than any file of GrokBench.
        OSError: the file cannot be read.
    """
    with open_file(path) as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise ValueError(f"{path} is longer than {LONGEST} bytes")
    return parse(kind, content)


def open_file(path: Path) -> BinaryIO:
    """Open a file to be read.

    Raises:
        ValueError: the path is a pipe or a device, whose reading might never begin or never end.
        OSError: the file cannot be opened.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is no file")
    return path.open("rb")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
