"""An observer of a run, which writes a log, sends a message or draws the progress. No torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokbench.events import Progress
from grokbench.records import Cell, Planned, Run

if TYPE_CHECKING:
    from grokbench.judging.leaderboard import Leaderboard

__all__ = ["Observer"]


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Functions that are called when something happens in a run. A function that is None is not called.

    The functions are called in the process of the command, one at a time, in the order of the events, and never in a
    worker. They receive copies of the records, so they cannot change a number; their return values are ignored. If a
    function raises, the observer is dropped with a warning and the run goes on.

    In one command every replica is reported once, either to `stored` or to `finished`. Use one function for both, and
    let it overwrite its earlier output for the same replica. The output then covers the whole suite after any number of
    interruptions. Labels with the same recipe share replicas; a shared replica is reported once for each label.

    Attributes:
        begin: called with a `Planned` before anything is trained.
        stored: called after `begin` with the `Run` (curves included) and the `Cell` of each replica that an earlier
            command finished.
        progress: called with the `Progress` of a group of seeds, at most five times a second for each group.
        finished: called with the `Run` and the `Cell` of a replica when it is done and saved, whatever its outcome.
        end: called with the `Leaderboard` when everything is done; not called if an interruption or `--fail-fast` ended
            the run.
        close: called without arguments at the very end, also after an interruption. Close files here.
    """

    begin: Callable[[Planned], object] | None = None
    stored: Callable[[Run, Cell], object] | None = None
    progress: Callable[[Progress], object] | None = None
    finished: Callable[[Run, Cell], object] | None = None
    end: Callable[["Leaderboard"], object] | None = None
    close: Callable[[], object] | None = None
