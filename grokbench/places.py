"""Where in a plugin's source something happened."""

import linecache
import traceback
from collections.abc import Iterable
from pathlib import Path

__all__ = ["innermost"]


def innermost(frames: Iterable[traceback.FrameSummary], file: Path) -> str:
    """The innermost frame within a plugin's folder: `clip.py, line 12: g = g / n`; empty if there is none."""
    for frame in reversed(list(frames)):
        if not frame.filename.startswith("<") and Path(frame.filename).resolve().parent == file.resolve().parent:
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            return f"{Path(frame.filename).name}, line {frame.lineno}: {line}"
    return ""
