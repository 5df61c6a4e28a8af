"""A note on disk that compiled code failed in one of a cell's groups.

The note lies beside the cell's checkpoints, so that the other groups, and later commands, train without compiled code.
"""

from contextlib import suppress
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.store.layout import UNCOMPILED

__all__ = ["note", "read"]

LONGEST = 500  # characters


def note(folder: str, why: str) -> None:
    """Write the note; if the disk is full, training goes on without it.

    Args:
        folder: the folder of the cell's checkpoints.
        why: what failed.
    """
    path = Path(folder) / UNCOMPILED
    with suppress(StoreError):
        atomic.write(path, why[:LONGEST].encode(), path.parents[2])


def read(folder: str) -> str | None:
    """Read what failed; None if there is no note."""
    try:
        with (Path(folder) / UNCOMPILED).open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST).strip() or None
    except OSError:
        return None
