"""The file in a results folder that lists the jobs without progress; `grokbench status`, another process, reads it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.io import atomic, json_lines

__all__ = ["Stalls"]


class Stalls:
    """The jobs of a run that show no progress. Their file exists only while there are such jobs."""

    def __init__(self, path: Path) -> None:
        """Set the path of the file; nothing is read or written."""
        self._path, self._since = path, dict[str, str]()

    def note(self, name: str, seconds: float) -> None:
        """Record that a job shows no progress; if the disk is full, record nothing and let the run go on.

        Args:
            name: the name of the job.
            seconds: the time without progress; 0 removes the job from the file.
        """
        if not seconds and name not in self._since:
            return
        self._since.pop(name, None)
        if seconds:
            self._since[name] = f"{datetime.now(UTC) - timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"
        with suppress(StoreError, OSError):
            if self._since:
                atomic.write(self._path, json_lines.dump(self._since), self._path.parent)
            else:
                self.clear()

    def clear(self) -> None:
        """Delete the file, which a killed run may have left."""
        atomic.remove(self._path, self._path.parent)

    def read(self) -> dict[str, str]:
        """Return name of a job -> time of its last progress; empty if there is no file or if it is damaged."""
        try:
            found: dict[str, str] = json_lines.read(dict[str, str], self._path)
        except (OSError, ValueError):
            return {}
        return found
