"""The files of a replica (two lines of JSON: the run without its curves, and the curves) and of a cell's seconds."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from grokbench.io import atomic, json_lines
from grokbench.records import Curve, Run, Timing

__all__ = ["read_head", "read_run", "read_timing", "write_run"]


@dataclass(frozen=True)
class Head:
    """The first line of a replica's file.

    Attributes:
        curves_bytes: the length of the second line, by which a truncated file is detected without reading that line.
        run: the run without its curves.
    """

    curves_bytes: int
    run: Run


def write_run(path: Path, run: Run, within: Path) -> None:
    """Write a run whole or not at all.

    Args:
        path: the path of the replica's file; an existing file is replaced.
        run: the run with its curves.
        within: the results folder; no link below it is followed.

    Raises:
        StoreError: the file cannot be written.
    """
    curves = json_lines.dump(run.curves)
    atomic.write(path, json_lines.dump(Head(len(curves), replace(run, curves={}))) + curves, within)


def read_timing(path: Path) -> Timing:
    """Read the seconds per epoch of a cell.

    Raises:
        ValueError: the file holds the seconds of another cell, or other data.
        OSError: the file cannot be read.
    """
    timing: Timing = json_lines.read(Timing, path)
    if timing.identity != path.stem:
        raise ValueError(f"{path} holds another cell's seconds")
    return timing


def read_head(path: Path) -> Run:
    """Read a run without its curves.

    Raises:
        ValueError: the file is incomplete, or belongs to another replica.
        OSError: the file cannot be read.
    """
    with json_lines.open_file(path) as file:
        line = file.readline(json_lines.LONGEST)
        head: Head = json_lines.parse(Head, line)
        if os.fstat(file.fileno()).st_size != len(line) + head.curves_bytes:
            raise ValueError(f"{path} is not as long as its first line says")
    if (head.run.identity, str(head.run.seed)) != (path.parent.name, path.stem):
        raise ValueError(f"{path} holds another replica")
    return head.run


def read_run(path: Path) -> Run:
    """Read a run with its curves; raises as `read_head` does."""
    head = read_head(path)
    _, curves = path.read_bytes().split(b"\n", maxsplit=1)
    return replace(head, curves=json_lines.parse(dict[str, Curve], curves))
