"""Signals while workers train: the first signal is recorded, and takes effect after checkpoints have been written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grokbench.io.signals import INTERRUPTIONS

__all__ = ["PendingSignal", "deferring_signals"]


@dataclass
class PendingSignal:
    """The signal that was received.

    Attributes:
        number: the number of the signal; None if there was none.
    """

    number: int | None = None


@contextmanager
def deferring_signals() -> Iterator[PendingSignal]:
    """Record the first signal within a block, and let it take effect at the end of the block.

    A second signal takes effect at once. Ignored signals, as under nohup, stay ignored. Only the main thread can handle
    signals; in another thread the block does nothing.
    """
    pending = PendingSignal()
    before = {number: signal.getsignal(number) for number in INTERRUPTIONS}
    handled = [number for number, known in before.items() if known not in (signal.SIG_IGN, None)]
    if threading.current_thread() is not threading.main_thread():
        handled = []

    def restore() -> None:
        for number in handled:
            signal.signal(number, before[number])

    def note(number: int, frame: object) -> None:
        pending.number = number
        restore()

    for number in handled:
        signal.signal(number, note)
    try:
        yield pending
    finally:
        restore()
        if pending.number is not None:
            signal.raise_signal(pending.number)
