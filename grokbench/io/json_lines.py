"""Records as lines of strict JSON. Numbers that JSON lacks are the texts "NaN", "Infinity" and "-Infinity"."""

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from grokbench.io.files import read_bytes

__all__ = ["LONGEST", "dump", "parse", "read"]

LONGEST = 2**26  # most bytes of a line or a file that are read; GrokBench's own files are far shorter
MOST_VALUES = 2**23  # most values in a line; each takes some 70 bytes of memory. Ten metrics at 400,000 evaluations fit


def dump(data: Any) -> bytes:
    """Write data, which may contain records, as a line of strict JSON."""
    return to_json(data, inf_nan_mode="strings") + b"\n"


def parse(kind: Any, line: bytes) -> Any:
    """Read data of a type from a line of JSON.

    Args:
        kind: a type that pydantic can validate.
        line: UTF-8, with or without its line break.

    Raises:
        ValueError: the line holds other data (pydantic's errors are ValueErrors), or more than MOST_VALUES values.
    """
    if sum(map(line.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES} values")
    return _adapter(kind).validate_json(line)


def read(kind: Any, path: Path) -> Any:
    """Read data of a type from a file.

    Args:
        kind: a type that pydantic can validate.
        path: the path of a file with one JSON value, of at most LONGEST bytes.

    Raises:
        ValueError: the file holds other data, is a link or not an ordinary file, or is longer than LONGEST.
        OSError: the file cannot be read.
    """
    return parse(kind, read_bytes(path, LONGEST))


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
