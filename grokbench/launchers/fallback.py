"""The note that a cell is trained without compiled code, because the code failed in one of its groups.

The note lies beside the cell's checkpoints, so that its other groups, and later commands, train in the same way.
"""

from contextlib import suppress
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.store.layout import UNCOMPILED

__all__ = ["note", "read"]

LONGEST = 500  # characters


def note(folder: str, why: str) -> None:
    """Write the note; a full disk does not stop training.

    Args:
        folder: the folder of the cell's checkpoints.
        why: what failed.
    """
    path = Path(folder) / UNCOMPILED
    with suppress(StoreError):
        atomic.write(path, why[:LONGEST].encode(), path.parents[2])


def read(folder: str) -> str | None:
    """Return what failed; None if nothing is noted."""
    try:
        with (Path(folder) / UNCOMPILED).open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST).strip() or None
    except OSError:
        return None
