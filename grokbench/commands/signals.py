"""Interruptions of a command: their exit status and their message."""

import signal

import click

__all__ = ["Interrupted", "exit_status", "interrupted_message", "raise_interrupt"]


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
    """Return the exit status of an interrupted command: 128 plus the signal's number; an unknown signal is SIGINT."""
    found = [stop, stop.__cause__, stop.__context__]  # click replaces a KeyboardInterrupt
    return 128 + next((each.number for each in found if isinstance(each, Interrupted | _Signal)), int(signal.SIGINT))


def interrupted_message(again: str = "the same command") -> str:
    """Return the message of an interrupted command; `again` names the command that continues it."""
    return f"Interrupted. Everything finished so far is saved; {again} goes on from there."


def raise_interrupt(number: int, frame: object) -> None:
    """Raise KeyboardInterrupt, so that workers are stopped and files closed.

    Args:
        number: the signal's number.
        frame: the stack frame that the signal interrupted; unused.
    """
    interrupt = _Signal()
    interrupt.number = number
    raise interrupt
