"""The progress display of a run: a live table in a terminal, lines with a time elsewhere.

`matrix` holds the progress of every cell, `time_left` estimates the remaining time, and `live` draws the table.
"""

import builtins
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, Self, TextIO

from grokbench.records import Cell, Outcome, Run
from grokbench.runner.progress.live import LiveDisplay
from grokbench.runner.progress.matrix import CellKey, Matrix, failure
from grokbench.runner.progress.time_left import estimate_time_left
from grokbench.text.escape import printable
from grokbench.text.lists import plural

__all__ = ["Display", "PlainDisplay", "display", "in_notebook"]

HEARTBEAT = 30.0  # minimum seconds between two lines about the progress of training


class Display(AbstractContextManager["Display"], Protocol):
    """A display of a run, notified of its events in their order."""

    def begin(
        self, cells: Sequence[Cell], seeds: int, done: Mapping[CellKey, Sequence[Run]], rank_by: str = "first"
    ) -> None:
        """Show the plan.

        Args:
            cells: the planned cells, in the order of the suite.
            seeds: the number of replicas of every cell.
            done: labels of a cell -> its stored runs.
            rank_by: the crossing that counts as grokking, see `Statistics`.
        """

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Show that a group of replicas completed an epoch.

        Args:
            cell: the cell of the group.
            seeds: the seeds of the group.
            epoch: completed epochs.
            active: the number of replicas of the group that are still in training.
        """

    def finished(self, run: Run, cell: Cell) -> None:
        """Show that a replica is done, whatever its outcome."""

    def timing(self, task: str, cells_done: int, cells: int) -> None:
        """Show the progress of timing, the last phase of a run.

        Args:
            task: the label of the task whose cells are timed.
            cells_done: how many of its cells are timed.
            cells: how many cells it has.
        """

    def no_progress(self, name: str, seconds: float) -> None:
        """Show that a job shows no progress.

        Args:
            name: the name of the job.
            seconds: the time without progress; 0 when progress has returned.
        """

    def say(self, text: str) -> None:
        """Print a line that the display does not overwrite."""


def display(stream: TextIO | None = None, plain: bool | None = None) -> "LiveDisplay | PlainDisplay":
    """Create the display that suits a stream.

    Args:
        stream: the stream to write to. By default standard error; in a notebook, which shows standard error in red,
            standard output.
        plain: True to print lines in place of a live table; by default, if the stream is no terminal that can redraw.
    """
    notebook = in_notebook()
    stream = stream or (sys.stdout if notebook else sys.stderr)
    stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open for the whole run
    if plain is None:
        plain = notebook or not stream.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    if plain:
        return PlainDisplay(stream)
    from rich.console import Console

    return LiveDisplay(Console(file=stream))


def in_notebook() -> bool:
    """Return whether a notebook shows the output; its streams may claim to be terminals."""
    shell = getattr(builtins, "get_ipython", lambda: None)()
    return shell is not None and type(shell).__name__ != "TerminalInteractiveShell"


class PlainDisplay:
    """A display that prints lines with the time: for a finished cell, for a failure, and every HEARTBEAT seconds."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            stream: the stream to print to.
            now: a clock, in seconds.
        """
        self._stream, self._matrix, self._timed, self._beat = stream, Matrix(now, began=now()), "", now()

    def __enter__(self) -> Self:
        """Return the display."""
        return self

    def __exit__(self, *error: object) -> None:
        """Print the number of finished replicas, also after an interruption."""
        if self._matrix.cells:
            self.say(self._matrix.totals())

    def say(self, text: str) -> None:
        """Print one line, with the seconds since the display was made."""
        seconds = self._matrix.now() - self._matrix.began
        print(f"[{seconds:6.1f} s] {printable(text)}", file=self._stream, flush=True)

    def begin(
        self, cells: Sequence[Cell], seeds: int, done: Mapping[CellKey, Sequence[Run]], rank_by: str = "first"
    ) -> None:
        """Print the size of the plan."""
        self._matrix.begin(cells, seeds, done, rank_by)
        self.say(f"{plural(len(cells), 'cell')} x {plural(seeds, 'seed')}: {self._matrix.totals()}")

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Print a heartbeat when one is due."""
        self._matrix.progress(cell, seeds, epoch, active)
        self._heartbeat()

    def finished(self, run: Run, cell: Cell) -> None:
        """Print an error once for each cell, and a line for the cell when its last replica is done."""
        self._matrix.finished(run, cell)
        if run.outcome is Outcome.FAILED and not self._matrix.already_reported(run, cell):
            self.say(failure(run, cell))
        if self._matrix.complete(cell.key):
            self.say(f"{cell.name}: {self._cell(cell.key)}")
        self._heartbeat()

    def timing(self, task: str, cells_done: int, cells: int) -> None:
        """Print a line for each task."""
        if task != self._timed:
            self._timed = task
            self.say(f"measuring seconds per epoch: {task}")

    def no_progress(self, name: str, seconds: float) -> None:
        """Print a line."""
        self.say(f"{name}: no progress for {seconds:.0f} s" if seconds else f"{name}: progress again")

    def _cell(self, key: CellKey) -> str:
        matrix, failures, median = self._matrix, self._matrix.failures(key), self._matrix.median(key)
        grokked = f"{matrix.grokked(key)} of {matrix.seeds} {matrix.counted}"
        return ", ".join(filter(None, [grokked, failures, median and f"median {median} epochs"]))

    def _heartbeat(self) -> None:
        matrix = self._matrix
        if matrix.now() - self._beat < HEARTBEAT:
            return
        self._beat = matrix.now()
        training = [cell for key, cell in matrix.cells.items() if matrix.groups[key]]
        parts = [f"{cell.name} epoch {matrix.epoch(cell.key):,} of {cell.budget:,}" for cell in training[:3]]
        parts += [f"{len(training) - 3} more in training"] if len(training) > 3 else []
        self.say("; ".join(filter(None, [matrix.totals(), ", ".join(parts), str(estimate_time_left(matrix))])))
