"""The phases of a step, and a clock that times them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

__all__ = ["PHASES", "Clock", "no_clock"]

Clock = Callable[[str], AbstractContextManager[object]]  # a phase of PHASES -> a context manager that times it

PHASES = ("batches", "forward", "backward", "transform", "optimizer")  # phases of a step; forward includes penalties


def no_clock(phase: str) -> AbstractContextManager[None]:
    """Return a context manager that times nothing."""
    del phase
    return nullcontext()
