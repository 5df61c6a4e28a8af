"""Handlers of Ctrl-C, SIGTERM and SIGHUP for a command."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["Interrupted", "exit_at_once", "exit_status", "handling_signals", "interrupted_message", "raise_interrupt"]


class Interrupted(click.Abort):
    """A command was interrupted.

    Attributes:
        number: the number of the signal.
    """

    def __init__(self, number: int, again: str = "") -> None:
        """Create the exception.

        Args:
            number: the number of the signal.
            again: the command that continues, for `interrupted_message`; empty for the same command.
        """
        super().__init__(again)
        self.number = number


class _Signal(KeyboardInterrupt):
    """A KeyboardInterrupt that knows the number of its signal."""

    number: int = signal.SIGINT


def exit_status(stop: BaseException) -> int:
    """Return the exit status of an interrupted command: 128 plus the number of the signal, SIGINT if none is known."""
    found = [stop, stop.__cause__, stop.__context__]  # click replaces a KeyboardInterrupt
    return 128 + next((each.number for each in found if isinstance(each, Interrupted | _Signal)), int(signal.SIGINT))


def interrupted_message(again: str = "the same command") -> str:
    """Return the message of an interrupted command; `again` names the command that continues it."""
    return f"Interrupted. Everything finished so far is saved; {again} goes on from there."


@contextmanager
def handling_signals(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Install a handler for the three signals within a block; ignored signals, as under nohup, stay ignored."""
    found = filter(None, (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")))  # no HUP on Windows
    before = {number: signal.getsignal(number) for number in found}
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

    An exception while torch is being imported could abort Python.

    Args:
        number: the signal's number.
        frame: the stack frame that the signal interrupted; unused.
    """
    os.write(2, b"\nInterrupted. Nothing that was saved is lost; the same command begins again.\n")
    os._exit(128 + number)


def raise_interrupt(number: int, frame: object) -> None:
    """Raise KeyboardInterrupt, so that workers are stopped and files closed.

    Args:
        number: the signal's number.
        frame: the stack frame that the signal interrupted; unused.
    """
    interrupt = _Signal()
    interrupt.number = number
    raise interrupt
