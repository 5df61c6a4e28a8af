"""The file of notices about the jobs of a folder, one line each; `grokbench logs` prints them."""

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.io import atomic, json_lines
from grokbench.io.files import read_bytes
from grokbench.records.bounds import Moment

__all__ = ["Notices", "StoredNotice"]

LARGEST = 2**20  # most bytes of the file; later notices are not stored


@dataclass(frozen=True)
class StoredNotice:
    """A sentence about a job, such as that it starts again.

    Attributes:
        at: when it was written, in seconds since 1970.
        host: the machine of the run.
        cell: the identity of the cell; empty if the job trains none.
        text: the sentence.
    """

    at: Moment
    host: str
    cell: str
    text: str


class Notices:
    """The notices of a results folder."""

    def __init__(self, path: Path) -> None:
        """Set the path of the file; nothing is read or written."""
        self._path = path

    def add(self, cell: str, text: str) -> None:
        """Append a notice; if the disk is full, leave it out and let the run go on.

        Args:
            cell: the identity of the cell; empty if the job trains none.
            text: the sentence.
        """
        line = json_lines.dump(StoredNotice(time.time(), socket.gethostname(), cell, text))
        with suppress(StoreError, OSError, ValueError):
            size = self._path.stat().st_size if self._path.exists() else 0
            if size + len(line) <= LARGEST:
                atomic.append(self._path, line, size, self._path.parent)

    def of(self, cell: str) -> list[StoredNotice]:
        """List the notices of a cell, in the order of their writing; damaged lines are left out.

        Args:
            cell: the identity of the cell.
        """
        try:
            lines = read_bytes(self._path, LARGEST).splitlines()
        except (OSError, ValueError):
            return []
        return [notice for notice in map(_parsed, lines) if notice and notice.cell == cell]


def _parsed(line: bytes) -> StoredNotice | None:
    try:
        found: StoredNotice = json_lines.parse(StoredNotice, line)
    except ValueError:
        return None
    return found
