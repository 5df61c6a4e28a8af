"""What a person sees while a suite runs: one live table in a terminal, timed lines anywhere else."""

import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self, TextIO

from grokbench.records import Cell, Outcome, Run

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.table import Table

__all__ = ["Display", "Left", "LiveDisplay", "Matrix", "PlainDisplay", "display"]

Key = tuple[str, str]  # labels of a task and a regularizer
HEARTBEAT = 30.0  # seconds between two lines that only say where things stand
OTHER_LINES = 6  # of a terminal: blank, heading, blank, footer, the cursor's, and one to spare
OTHER_COLUMNS = 53  # characters: bar, grokked, median, epoch and budget, and the gaps between them
TRUSTED = 1.0  # seconds of training before its pace is worth telling


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
    """The display for a stream (default: standard error): live in a terminal that can, unless `plain` says otherwise."""
    stream = sys.stderr if stream is None else stream
    if plain is None:
        plain = not stream.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    if plain:
        return PlainDisplay(stream)
    from rich.console import Console

    return LiveDisplay(Console(file=stream))


class Left(NamedTuple):
    """What can be said of the time left: `str` gives it in words, empty where that is nothing."""

    seconds: float  # for the tasks whose pace is known
    bound: bool  # whether some replicas count with their whole budget, as no sibling has told how long they take
    untimed: int  # tasks with work left and no known pace

    def __str__(self) -> str:
        if not self.seconds:
            return ""
        more = f" and {_plural(self.untimed, 'task')} not timed yet" if self.untimed else ""
        return f"{'at most' if self.bound else 'about'} {_duration(self.seconds)} left{more}"


@dataclass
class Front:
    """A group of replicas in training."""

    epoch: int
    active: int
    at: float  # seconds, when that epoch was reported


@dataclass
class Pace:
    """What training has cost so far."""

    seconds: float = 0.0
    epochs: int = 0  # of single replicas


@dataclass
class Matrix:
    """Where every cell of a suite stands, and how long the rest may take. Time is seconds of `now`."""

    now: Callable[[], float] = time.monotonic
    began: float = 0.0
    seeds: int = 0
    cells: dict[Key, Cell] = field(default_factory=dict)
    runs: dict[Key, dict[int, Run]] = field(default_factory=dict)
    fronts: dict[Key, dict[tuple[int, ...], Front]] = field(default_factory=dict)
    paces: dict[Key, Pace] = field(default_factory=dict)

    def begin(self, cells: Sequence[Cell], seeds: int, done: Mapping[Key, Sequence[Run]]) -> None:
        """A stored replica that failed is still to do: this run repeats it."""
        self.seeds, self.cells = seeds, {key_of(cell): cell for cell in cells}
        for key in self.cells:
            self.fronts[key], self.paces[key] = {}, Pace()
            self.runs[key] = {run.seed: run for run in done.get(key, ()) if run.outcome is not Outcome.FAILED}

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Move a group's front; what it took since the last report enters the cell's pace."""
        fronts, pace, now = self.fronts[key_of(cell)], self.paces[key_of(cell)], self.now()
        if (before := fronts.pop(seeds, None)) is not None:
            pace.seconds += now - before.at
            pace.epochs += (epoch - before.epoch) * before.active
        if active:
            fronts[seeds] = Front(epoch, active, now)

    def finished(self, run: Run, cell: Cell) -> None:
        """Keep a run. A group that failed reports no more progress: its replicas leave it here."""
        key = key_of(cell)
        self.runs[key][run.seed] = run
        for seeds, front in list(self.fronts[key].items()):
            front.active -= run.seed in seeds and run.outcome is Outcome.FAILED
            if front.active <= 0 or self.complete(key):
                del self.fronts[key][seeds]

    def done(self, key: Key) -> int:
        """Replicas of a cell that are done."""
        return len(self.runs[key])

    def grokked(self, key: Key) -> int:
        """Replicas of a cell that grokked."""
        return sum(run.outcome is Outcome.GROKKED for run in self.runs[key].values())

    def complete(self, key: Key) -> bool:
        """Whether every replica of a cell is done."""
        return self.done(key) >= self.seeds

    def failures(self, key: Key) -> str:
        """The other outcomes in words, such as `2 censored, 1 failed`; empty when there are none."""
        counts = Counter(run.outcome for run in self.runs[key].values())
        return ", ".join(f"{counts[o]} {o}" for o in Outcome if o is not Outcome.GROKKED and counts[o])

    def epoch(self, key: Key) -> int | None:
        """The furthest epoch of a cell's groups in training; None when there is none."""
        return max((front.epoch for front in self.fronts[key].values()), default=None)

    def median(self, key: Key) -> str:
        """Median epochs to grok, `> budget` when a complete cell has none, empty before it can be told.

        A replica in training is censored at its present epoch, so that early ones do not flatter the median.
        """
        from grokbench.survival import median_time  # numpy: not before something is shown

        budget = self.cells[key].budget
        known = [run for run in self.runs[key].values() if run.outcome is not Outcome.FAILED]
        present = [front.epoch for front in self.fronts[key].values() for _ in range(front.active)]
        times = [run.capped(budget) for run in known] + [float(epoch) for epoch in present]
        median = median_time(times, [run.outcome is Outcome.GROKKED for run in known] + [False] * len(present))
        if median is not None:
            return f"{median:,.10g}"
        return f"> {budget:,}" if known and self.complete(key) else ""

    def totals(self) -> str:
        """Replicas done of those planned."""
        return f"{sum(map(self.done, self.cells)):,} of {self.seeds * len(self.cells):,} replicas done"

    def left(self) -> Left:
        """Epochs left x seconds per epoch over all cells, shared by the groups that train at the same time."""
        seconds, bound, untimed = 0.0, False, set()
        for key in self.cells:
            epochs, guessed = self._epochs_left(key)
            pace = self._seconds_per_epoch(key)
            if epochs and pace is None:
                untimed.add(key[0])
            elif epochs and pace is not None:
                seconds, bound = seconds + epochs * pace, bound or guessed
        return Left(seconds / max(1, sum(map(len, self.fronts.values()))), bound, len(untimed))

    def _epochs_left(self, key: Key) -> tuple[float, bool]:
        """Epochs that a cell's replicas still need, and whether some of them are counted up to the budget.

        A replica at epoch e needs as long as the finished siblings that went at least as far did, on average.
        """
        taken = [run.epochs for run in self.runs[key].values() if run.outcome is not Outcome.FAILED]
        present = [front.epoch for front in self.fronts[key].values() for _ in range(front.active)]
        present += [0] * (self.seeds - self.done(key) - len(present))
        total, bound = 0.0, False
        for epoch in present:
            longer = [epochs for epochs in taken if epochs >= epoch]
            total += (sum(longer) / len(longer) if longer else self.cells[key].budget) - epoch
            bound |= not longer
        return total, bound

    def _seconds_per_epoch(self, key: Key) -> float | None:
        """Seconds per epoch of one replica: the cell's own, else its task's; None before there is enough of either."""
        own, task = self.paces[key], [pace for other, pace in self.paces.items() if other[0] == key[0]]
        for paces in ([own], task):
            seconds, epochs = sum(pace.seconds for pace in paces), sum(pace.epochs for pace in paces)
            if seconds >= TRUSTED and epochs:
                return seconds / epochs
        return None


class PlainDisplay:
    """Timed lines: when a cell ends, when a replica fails, and a heartbeat at most every 30 seconds."""

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._matrix, self._timed = stream, Matrix(now, began=now()), ""
        self._lock, self._beat = RLock(), now()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._matrix.cells:
            self.say(f"{self._matrix.totals()}.")

    def say(self, text: str) -> None:
        """Print one line, with the seconds since the display was made."""
        with self._lock:
            print(
                f"[{self._matrix.now() - self._matrix.began:6.1f} s] {_printable(text)}", file=self._stream, flush=True
            )

    def begin(self, cells: Sequence[Cell], seeds: int, done: Mapping[Key, Sequence[Run]]) -> None:
        """Print the size of the plan."""
        self._matrix.begin(cells, seeds, done)
        stored = sum(map(self._matrix.done, self._matrix.cells))
        self.say(
            f"{_plural(len(cells), 'cell')} x {_plural(seeds, 'seed')}, {stored:,} of {seeds * len(cells):,} stored already."
        )

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Print a heartbeat when one is due."""
        with self._lock:
            self._matrix.progress(cell, seeds, epoch, active)
            self._heartbeat()

    def finished(self, run: Run, cell: Cell) -> None:
        """Print a replica that failed, and a cell whose last replica this is."""
        with self._lock:
            self._matrix.finished(run, cell)
            if run.outcome is Outcome.FAILED:
                self.say(failure(run, cell))
            if self._matrix.complete(key_of(cell)):
                self.say(f"{name(key_of(cell))}: {self._cell(key_of(cell))}")
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
        training = [key for key in matrix.cells if matrix.fronts[key]]
        parts = [f"{name(key)} epoch {matrix.epoch(key):,} of {matrix.cells[key].budget:,}" for key in training[:3]]
        parts += [f"{len(training) - 3} more in training"] if len(training) > 3 else []
        self.say("; ".join(filter(None, [matrix.totals(), ", ".join(parts), str(matrix.left())])))


class LiveDisplay:
    """A table of all cells, redrawn twice a second; at the end it gives way to one line."""

    def __init__(self, console: "Console", now: Callable[[], float] = time.monotonic) -> None:
        from rich.live import Live

        self._console, self._matrix, self._timing = console, Matrix(now, began=now()), ""
        self._lock = RLock()  # rich draws in a thread of its own
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # what is piped elsewhere stays there
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()
        if self._matrix.cells:
            self.say(f"{self._matrix.totals()} in {_elapsed(self._matrix)}.")

    def say(self, text: str) -> None:
        """Print one line above the table."""
        from rich.text import Text

        self._console.print(Text(_printable(text)))

    def begin(self, cells: Sequence[Cell], seeds: int, done: Mapping[Key, Sequence[Run]]) -> None:
        """Fill the table."""
        with self._lock:
            self._matrix.begin(cells, seeds, done)

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Move an epoch; it is seen at the next redraw."""
        with self._lock:
            self._matrix.progress(cell, seeds, epoch, active)

    def finished(self, run: Run, cell: Cell) -> None:
        """Count a replica; one that failed is also told above the table."""
        with self._lock:
            self._matrix.finished(run, cell)
        if run.outcome is Outcome.FAILED:
            self.say(failure(run, cell))

    def timing(self, task: str, seconds_done: int, of: int) -> None:
        """Say so below the table."""
        self._timing = f"measuring seconds per epoch: {task}, {seconds_done:,} of {of:,}"

    def _draw(self) -> "Group":
        from rich.console import Group

        with self._lock:
            if not self._matrix.cells:
                return Group()
            return Group("", *table(self._matrix, *self._console.size), "", self._footer())

    def _footer(self) -> "RenderableType":
        from rich.text import Text

        left = self._timing or str(self._matrix.left())
        parts = [self._matrix.totals(), f"{_elapsed(self._matrix)} elapsed", left]
        return Text(" · ".join(filter(None, parts)), style="dim", no_wrap=True, overflow="ellipsis")


def table(matrix: Matrix, width: int, height: int) -> "Iterator[RenderableType]":
    """A row per cell where they fit in `height` lines; else cells in training first, the rest one line per task."""
    from rich.text import Text

    shown, lines = choose(matrix, max(1, height - OTHER_LINES))
    if shown:
        yield rows(matrix, shown, width)
    for line in lines:
        yield Text(line, style="dim", no_wrap=True, overflow="ellipsis")


def choose(matrix: Matrix, room: int) -> tuple[list[Key], list[str]]:
    """The cells that get a row, in the order of the suite, and the lines that stand for all others."""
    keys = list(matrix.cells)
    if len(keys) <= room:
        return keys, []
    tasks = list(dict.fromkeys(task for task, _ in keys))
    by_task = len(tasks) <= room // 2
    space = room - (len(tasks) if by_task else 1)
    current = {task for task, regularizer in keys if matrix.fronts[task, regularizer]}
    ranked = sorted(keys, key=lambda key: (not matrix.fronts[key], key[0] not in current, matrix.complete(key)))
    shown = set(ranked[: max(0, space)])
    rest = [key for key in keys if key not in shown]
    if not by_task:
        return [key for key in keys if key in shown], [f"{_plural(len(rest), 'other cell')}: {summary(matrix, rest)}"]
    groups = {task: [key for key in rest if key[0] == task] for task in tasks}
    lines = [
        f"{_printable(task)}, {_plural(len(g), 'other cell')}: {summary(matrix, g)}" for task, g in groups.items() if g
    ]
    return [key for key in keys if key in shown], lines


def rows(matrix: Matrix, keys: Sequence[Key], width: int) -> "Table":
    """The table of those cells. Its first two columns are as wide as the suite needs, so that they never move."""
    from rich.table import Table

    out = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("task", "method", "", "grokked", "median", "epoch"):
        justify: Literal["left", "right"] = "right" if heading in ("grokked", "median") else "left"
        out.add_column(heading, justify=justify, no_wrap=True, overflow="ellipsis")
    tasks, methods = (max(len(_printable(label)) for label in labels) for labels in zip(*matrix.cells, strict=True))
    tasks = min(tasks, max(8, (width - OTHER_COLUMNS) // 2))
    methods = max(8, min(methods, width - OTHER_COLUMNS - tasks))
    above = None
    for key in keys:
        task = "" if key[0] == above else shorten(_printable(key[0]), tasks)
        above = key[0]
        out.add_row(
            task.ljust(tasks),
            *row(matrix, key, methods),
            style=None if matrix.runs[key] or matrix.fronts[key] else "dim",
        )
    return out


def row(matrix: Matrix, key: Key, width: int) -> "Iterator[RenderableType]":
    """Method, share of replicas done, grokked of planned, median, and the epoch in training with the other outcomes."""
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    training = bool(matrix.fronts[key])
    yield Text(shorten(_printable(key[1]), width).ljust(width), style="bold" if training else "")
    all_grokked = matrix.grokked(key) == matrix.seeds
    yield ProgressBar(
        matrix.seeds,
        matrix.done(key),
        width=10,
        complete_style="cyan",
        finished_style="green" if all_grokked else "yellow",
    )
    yield Text(f"{matrix.grokked(key)}/{matrix.seeds}")
    yield Text(matrix.median(key))
    epoch = f"{matrix.epoch(key):,}/{matrix.cells[key].budget:,}" if training else ""
    yield Text(", ".join(filter(None, [epoch, matrix.failures(key)])))


def summary(matrix: Matrix, keys: Sequence[Key]) -> str:
    """What a line says of cells without a row."""
    done = sum(map(matrix.complete, keys))
    training = sum(bool(matrix.fronts[key]) for key in keys)
    counts = {"done": done, "in training": training, "waiting": len(keys) - done - training}
    grokked = f"{sum(map(matrix.grokked, keys)):,} of {matrix.seeds * len(keys):,} replicas grokked"
    return ", ".join([f"{count} {word}" for word, count in counts.items() if count] + [grokked])


def shorten(label: str, width: int) -> str:
    """A label in at most `width` characters, cut in its middle: variants of a method differ at the end."""
    if len(label) <= width:
        return label
    return f"{label[: width // 2 - 1]}…{label[len(label) - (width - width // 2) :]}"


def failure(run: Run, cell: Cell) -> str:
    """One line for a replica that failed, with the last line of its traceback."""
    lines = (run.error or "").strip().splitlines()
    return f"{name(key_of(cell))}, seed {run.seed} failed: {lines[-1] if lines else 'no traceback was kept'}"


def key_of(cell: Cell) -> Key:
    """A cell's labels: what tells two rows apart even where their recipes are the same."""
    return cell.task, cell.regularizer


def name(key: Key) -> str:
    """A cell in a sentence."""
    return " / ".join(key)


def _printable(text: str) -> str:
    """Control characters as escapes: a label or a message must not steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    """Rounded up, no finer than an estimate deserves."""
    if seconds < 55:
        return f"{5 * math.ceil(seconds / 5)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _elapsed(matrix: Matrix) -> str:
    """Hours, minutes and seconds since the display was made."""
    minutes, seconds = divmod(int(matrix.now() - matrix.began), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"
