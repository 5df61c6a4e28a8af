"""What Ctrl-C, SIGTERM and SIGHUP do to a command."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["STATUS", "answered", "interrupt", "leave", "sentence"]

STATUS = 130


def sentence(again: str = "the same command") -> str:
    """What a user is told; `again` is what to do next."""
    return f"Interrupted. Everything finished so far is saved; {again} goes on from there."


@contextmanager
def answered(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Answer the three signals with a handler; those that are ignored, as under nohup, stay ignored."""
    there = filter(None, (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")))  # no HUP on Windows
    before = {number: signal.getsignal(number) for number in there}
    heeded = [number for number, known in before.items() if known is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def leave(number: int, frame: object) -> None:
    """End the process at once, while it only loads and reads: an exception amid an import of torch may abort it."""
    os.write(2, f"\n{sentence()}\n".encode())
    os._exit(STATUS)


def interrupt(number: int, frame: object) -> None:
    """Unwind, so that workers are ended and files closed."""
    raise KeyboardInterrupt
