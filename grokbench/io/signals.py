"""Handlers of Ctrl-C, SIGTERM and SIGHUP; the command line needs this module before it imports any other."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["INTERRUPTIONS", "exit_at_once", "handling_signals"]

INTERRUPTIONS = tuple(  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@contextmanager
def handling_signals(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Install a handler of Ctrl-C, SIGTERM and SIGHUP for a block; ignored signals, as under nohup, stay ignored."""
    before = {number: signal.getsignal(number) for number in INTERRUPTIONS}
    handled = [number for number, known in before.items() if known is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


def exit_at_once(number: int, frame: object) -> None:
    """End the process at once; for commands that only read.

    It raises no exception, because one that is raised while torch is being imported could abort Python.

    Args:
        number: the signal's number.
        frame: the stack frame that the signal interrupted; unused.
    """
    os.write(2, b"\nInterrupted. Nothing that was saved is lost; the same command begins again.\n")
    os._exit(128 + number)
