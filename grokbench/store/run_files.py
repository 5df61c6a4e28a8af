"""The files of a replica (two lines of JSON: the run without its curves, and the curves) and of a cell's seconds."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from grokbench.io import atomic, json_lines
from grokbench.io.files import file_size, open_file
from grokbench.records import Curve, Run, Timing
from grokbench.records.bounds import Count

__all__ = ["Heads", "read_head", "read_run", "read_timing", "write_run"]


LONGEST_HEAD = 2**22  # most bytes of the first line; a traceback, or thousands of kept weights, take some 100,000
LONGEST_CURVES = 2**28  # most bytes of the curves; ten curves of 400,000 evaluations take half of this


@dataclass(frozen=True)
class Head:
    """The first line of a replica's file.

    Attributes:
        curves_bytes: the length of the second line, by which a truncated file is detected without reading that line.
        run: the run without its curves.
    """

    curves_bytes: Count
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
    with open_file(path) as file:
        return _head(file, path).run


class Heads:
    """The runs, without curves, whose files were read; a file is read again only after it was replaced or changed."""

    def __init__(self) -> None:
        """Begin without runs."""
        self._read: dict[str, tuple[tuple[int, ...], Run]] = {}
        self._shared: dict[str, Run] = {}  # identity of a cell -> its run that was read last

    def __call__(self, path: Path) -> Run:
        """Return the run of a file, see `read_head`."""
        status = path.lstat()
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._read.get(str(path))
        if known is None or known[0] != signature:
            known = self._read[str(path)] = (signature, self._sharing(read_head(path)))
        return known[1]

    def _sharing(self, run: Run) -> Run:
        """Let the runs of a cell share an equal provenance, which takes most of their memory."""
        other = self._shared.get(run.identity)
        if other is not None and other.provenance == run.provenance:
            run = replace(run, provenance=other.provenance)
        self._shared[run.identity] = run
        return run


def read_run(path: Path) -> Run:
    """Read a run with its curves.

    Raises:
        ValueError: see `read_head`; or the curves are longer than LONGEST_CURVES, or damaged.
        OSError: the file cannot be read.
    """
    with open_file(path) as file:
        head = _head(file, path)
        if head.curves_bytes > LONGEST_CURVES:
            raise ValueError(f"{path} has curves of {head.curves_bytes} bytes, expected at most {LONGEST_CURVES}")
        return replace(head.run, curves=json_lines.parse(dict[str, Curve], file.read(head.curves_bytes)))


def _head(file: BinaryIO, path: Path) -> Head:
    """Read the first line, which contains the length of the file and the replica to which it belongs."""
    line = file.readline(LONGEST_HEAD)
    head: Head = json_lines.parse(Head, line)
    if file_size(file) != len(line) + head.curves_bytes:
        raise ValueError(f"{path} is not as long as its first line says")
    if (head.run.identity, str(head.run.seed)) != (path.parent.name, path.stem):
        raise ValueError(f"{path} holds another replica")
    return head
