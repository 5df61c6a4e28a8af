"""Lines of a plugin's source in a traceback."""

import linecache
import re
import traceback
from collections.abc import Iterable
from pathlib import Path

__all__ = ["frames", "innermost", "innermost_frame", "written"]

_FRAME = re.compile(r'^[ |]*File "([^"\n]+)", line (\d+), in (.+)$', re.MULTILINE)


def frames(text: str) -> list[traceback.FrameSummary]:
    """List the frames that the text of a traceback names, outermost first."""
    return [traceback.FrameSummary(file, int(line), name) for file, line, name in _FRAME.findall(text)]


def innermost(frames: Iterable[traceback.FrameSummary], file: Path) -> str:
    """Describe the innermost frame in a plugin's folder: `clip.py, line 12: g = g / n`; empty if there is none.

    Args:
        frames: outermost first.
        file: the plugin's source.
    """
    frame = innermost_frame(frames, file)
    return written(frame) if frame else ""


def innermost_frame(frames: Iterable[traceback.FrameSummary], file: Path) -> traceback.FrameSummary | None:
    """Find the innermost frame in the folder of a plugin's file; None if there is none.

    Args:
        frames: outermost first.
        file: the plugin's source.
    """
    for frame in reversed(list(frames)):
        if not frame.filename.startswith("<") and Path(frame.filename).resolve().parent == file.resolve().parent:
            return frame
    return None


def written(frame: traceback.FrameSummary) -> str:
    """Write a frame as its file, line and code."""
    line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f"{Path(frame.filename).name}, line {frame.lineno}: {line}"
