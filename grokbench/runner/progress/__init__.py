"""What a person sees while a suite runs: one live table in a terminal, timed lines anywhere else.

`matrix` keeps where every cell stands, `time_left` estimates from it, `live` draws it.
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
from grokbench.runner.progress.matrix import Key, Matrix, failure
from grokbench.runner.progress.time_left import left
from grokbench.text.escape import printable
from grokbench.text.lists import plural

__all__ = ["Display", "PlainDisplay", "display", "in_notebook"]

HEARTBEAT = 30.0  # seconds between two lines that only say where things stand


class Display(AbstractContextManager["Display"], Protocol):
    """Told what happens, in the order it happens; shows it until the context ends."""

    def begin(self, cells: Sequence[Cell], seeds: int, done: Mapping[Key, Sequence[Run]]) -> None:
        """All that is planned, `seeds` replicas of every cell, and the runs that are stored already."""

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """A group of replicas completed that epoch; `active` of them are still in training."""

    def finished(self, run: Run, cell: Cell) -> None:
        """One replica is done, whatever its outcome."""

    def timing(self, task: str, seconds_done: int, of: int) -> None:
        """The last phase, seconds per epoch measured apart, is so far with a task."""

    def say(self, text: str) -> None:
        """One line that stays."""


def display(stream: TextIO | None = None, plain: bool | None = None) -> "LiveDisplay | PlainDisplay":
    """A display on a stream: live in a capable terminal, unless `plain` says otherwise.

    The stream is standard error by default; in a notebook, which paints that red, standard output.
    """
    notebook = in_notebook()
    stream = stream or (sys.stdout if notebook else sys.stderr)
    stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it is closed
    if plain is None:
        plain = notebook or not stream.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    if plain:
        return PlainDisplay(stream)
    from rich.console import Console

    return LiveDisplay(Console(file=stream))


def in_notebook() -> bool:
    """Whether a notebook shows the output. It may call itself a terminal, and is none."""
    shell = getattr(builtins, "get_ipython", lambda: None)()
    return shell is not None and type(shell).__name__ != "TerminalInteractiveShell"


class PlainDisplay:
    """Timed lines: when a cell ends, when a replica fails, and a heartbeat at most every 30 seconds."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        """`now` is a clock in seconds."""
        self._stream, self._matrix, self._timed, self._beat = stream, Matrix(now, began=now()), "", now()

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(self, *error: object) -> None:
        """Print what was done, also after an interruption."""
        if self._matrix.cells:
            self.say(self._matrix.totals())

    def say(self, text: str) -> None:
        """Print one line, with the seconds since the display was made."""
        seconds = self._matrix.now() - self._matrix.began
        print(f"[{seconds:6.1f} s] {printable(text)}", file=self._stream, flush=True)

    def begin(self, cells: Sequence[Cell], seeds: int, done: Mapping[Key, Sequence[Run]]) -> None:
        """Print the size of the plan."""
        self._matrix.begin(cells, seeds, done)
        self.say(f"{plural(len(cells), 'cell')} x {plural(seeds, 'seed')}: {self._matrix.totals()}")

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Print a heartbeat when one is due."""
        self._matrix.progress(cell, seeds, epoch, active)
        self._heartbeat()

    def finished(self, run: Run, cell: Cell) -> None:
        """Print an error of a cell once, and a cell whose last replica this is."""
        self._matrix.finished(run, cell)
        if run.outcome is Outcome.FAILED and not self._matrix.told(run, cell):
            self.say(failure(run, cell))
        if self._matrix.complete(cell.key):
            self.say(f"{cell.name}: {self._cell(cell.key)}")
        self._heartbeat()

    def timing(self, task: str, seconds_done: int, of: int) -> None:
        """Print each task once."""
        if task != self._timed:
            self._timed = task
            self.say(f"measuring seconds per epoch: {task}")

    def _cell(self, key: Key) -> str:
        matrix, failures, median = self._matrix, self._matrix.failures(key), self._matrix.median(key)
        grokked = f"{matrix.grokked(key)} of {matrix.seeds} grokked"
        return ", ".join(filter(None, [grokked, failures, median and f"median {median} epochs"]))

    def _heartbeat(self) -> None:
        matrix = self._matrix
        if matrix.now() - self._beat < HEARTBEAT:
            return
        self._beat = matrix.now()
        training = [cell for key, cell in matrix.cells.items() if matrix.fronts[key]]
        parts = [f"{cell.name} epoch {matrix.epoch(cell.key):,} of {cell.budget:,}" for cell in training[:3]]
        parts += [f"{len(training) - 3} more in training"] if len(training) > 3 else []
        self.say("; ".join(filter(None, [matrix.totals(), ", ".join(parts), str(left(matrix))])))
