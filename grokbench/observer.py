"""What looks at a suite while it runs: for a log elsewhere, a message, a picture of where things stand. No torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokbench.events import Progress
from grokbench.records import Cell, Planned, Run

if TYPE_CHECKING:
    from grokbench.judging.ranking import Leaderboard

__all__ = ["Observer"]


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Functions that are told what happens, in the order in which it happens; one that is None is not called.

    They are called in the process of the command, one at a time, and never in a worker. What they are given is a copy
    of their own, so they cannot change a number; what they return is not looked at. One that raises ends its observer,
    not the run. Labels that share a recipe share its replicas: each is told once for every label.

    Every replica is told once in a command, as `stored` or as `finished`: an observer that gives one function as both
    has the whole suite after any number of interruptions, and overwrites what it wrote of a replica before.
    """

    begin: Callable[[Planned], object] | None = None  #: before anything is trained
    stored: Callable[[Run, Cell], object] | None = None  #: then each replica that needs no training, with its curves
    progress: Callable[[Progress], object] | None = None  #: where a group stands, at most five times a second each
    finished: Callable[[Run, Cell], object] | None = None  #: a replica is done and saved, whatever its outcome
    end: Callable[["Leaderboard"], object] | None = None  #: all is done; not if cut short
    close: Callable[[], object] | None = None  #: at the very end, also after an interruption: close files here
