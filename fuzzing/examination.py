"""The examination of one input: its reader may only raise a GrokbenchError, and must use little time and memory."""

import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from grokbench.errors import GrokbenchError

__all__ = ["BYTES", "SECONDS", "Find", "examine"]

SECONDS = 5.0  # most seconds of CPU time for an input; wall time is longer if other processes keep the machine busy
IDLE = 3  # the wall time may be this many times longer, since a reader that waits uses no CPU time
BYTES = 2**30  # most memory for an input, in bytes


@dataclass(frozen=True)
class Find:
    """A failure: an input for which a reader broke a rule.

    Attributes:
        kind: "exception", "hang", "memory" or "death".
        place: the exception and the innermost function of GrokBench; finds with the same place count as having the same
            cause.
        text: the traceback, or a sentence.
    """

    kind: str
    place: str
    text: str


class HangError(BaseException):
    """An input takes too long; not an Exception, so that no `except Exception` of a reader catches it."""


def examine(
    read: Callable[[bytes], Any], data: bytes, seconds: float = SECONDS, most_bytes: int = BYTES
) -> Find | None:
    """Give one input to a reader.

    Args:
        read: the reader.
        data: the input.
        seconds: the most that the reader may take, see SECONDS.
        most_bytes: the most memory that the reader may add to what the process holds.

    Returns:
        The first limit that was broken; None if the input was read, or refused with a GrokbenchError. An input that
        takes too long is read once more, because other processes may have kept the machine busy.
    """
    found = _examine(read, data, seconds, most_bytes)
    return _examine(read, data, seconds, most_bytes) if found and found.kind == "hang" else found


def _examine(read: Callable[[bytes], Any], data: bytes, seconds: float, most_bytes: int) -> Find | None:
    held, peak, clocks = _resident(), _peak(), _Clocks(seconds)
    try:
        with _alarm(clocks):
            read(data)
    except GrokbenchError:
        pass
    except HangError as error:
        return Find("hang", f"hang at {_place(error)}", traceback.format_exc())
    except Exception as error:
        return Find("exception", f"{type(error).__name__} at {_place(error)}", traceback.format_exc())
    if clocks.over():
        return Find("hang", "hang", f"more than {seconds} s")
    if (now := _peak()) > peak and now - held > most_bytes:
        text = f"{(now - held) / 2**20:.0f} MB more than before, expected at most {most_bytes / 2**20:.0f} MB"
        return Find("memory", "memory", text)
    return None


class _Clocks:
    """The CPU time of this process and the wall time since the start of an input."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.own, self.all = seconds, time.process_time(), time.monotonic()

    def over(self) -> bool:
        waited = time.monotonic() - self.all > IDLE * self.seconds
        return waited or time.process_time() - self.own > self.seconds


@contextmanager
def _alarm(clocks: _Clocks) -> Iterator[None]:
    """Raise HangError in this block when a clock exceeds its limit, if the platform has SIGALRM."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        if clocks.over():
            raise HangError(f"more than {clocks.seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, clocks.seconds, clocks.seconds / 10)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _place(error: BaseException) -> str:
    """Name the innermost function of GrokBench in a traceback; without one, the innermost function."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if any(part in _parts(frame) for part in ("grokbench", "tasks"))]
    frame = (own or frames)[-1]
    return f"{'/'.join(_parts(frame)[-2:])} {frame.name}"


def _parts(frame: traceback.FrameSummary) -> tuple[str, ...]:
    return Path(frame.filename).parts


def _peak() -> int:
    """Return the most memory that this process has held, in bytes; 0 if the platform does not say."""
    try:  # Linux; `getrusage` there begins with the peak of the parent
        return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024  # type: ignore[index]
    except (OSError, TypeError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _resident() -> int:
    """Return the memory that this process holds now, in bytes; the peak if the platform does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return _peak()
