"""The live table of a terminal: a row for each cell; if not all rows fit, lines below them summarise the rest."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Literal, Self

from grokbench.records import Cell, Outcome, Run
from grokbench.runner.progress.matrix import CellKey, Matrix, elapsed, failure
from grokbench.runner.progress.time_left import estimate_time_left
from grokbench.text.escape import printable
from grokbench.text.lists import plural
from grokbench.text.table import padded, shortened
from grokbench.text.table import width as columns_of

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.table import Table

__all__ = ["LiveDisplay", "choose", "rows", "summary", "table"]

OTHER_LINES = 6  # lines of the terminal without a row: blank, heading, blank, footer, cursor, and a spare one
OTHER_COLUMNS = 55  # characters of a row besides the labels: bar, grokked, median, epoch and budget, and gaps


class LiveDisplay:
    """A display with a table of all cells, redrawn twice a second; at the end one line replaces it."""

    def __init__(self, console: "Console", now: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            console: the terminal.
            now: a clock, in seconds.
        """
        from rich.live import Live

        self._console, self._matrix, self._timing = console, Matrix(now, began=now()), ""
        self._silent: dict[str, float] = {}  # name of a job without progress -> when the last progress was
        self._lock = RLock()  # needed because rich draws in its own thread
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # output to a pipe or a file is not redirected
        )

    def __enter__(self) -> Self:
        """Start drawing."""
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the table and print the number of finished replicas, also after an interruption."""
        self._live.stop()
        if self._matrix.cells:
            self.say(f"{self._matrix.totals()} in {elapsed(self._matrix)}")

    def say(self, text: str) -> None:
        """Print one line above the table."""
        from rich.text import Text

        self._console.print(Text(printable(text)))

    def begin(
        self, cells: Sequence[Cell], seeds: int, done: Mapping[CellKey, Sequence[Run]], rank_by: str = "first"
    ) -> None:
        """Fill the table."""
        with self._lock:
            self._matrix.begin(cells, seeds, done, rank_by)

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Update a group's epoch; the next redraw shows it."""
        with self._lock:
            self._matrix.progress(cell, seeds, epoch, active)

    def finished(self, run: Run, cell: Cell) -> None:
        """Count a replica, and print an error above the table, once for each cell."""
        with self._lock:
            self._matrix.finished(run, cell)
        if run.outcome is Outcome.FAILED and not self._matrix.already_reported(run, cell):
            self.say(failure(run, cell))

    def timing(self, task: str, cells_done: int, cells: int) -> None:
        """Show the task below the table."""
        self._timing = f"measuring seconds per epoch: {task}, {cells_done:,} of {cells:,}"

    def no_progress(self, name: str, seconds: float) -> None:
        """Show the job below the table until it shows progress."""
        with self._lock:
            self._silent.pop(name, None)
            if seconds:
                self._silent[name] = self._matrix.now() - seconds

    def _draw(self) -> "Group":
        from rich.console import Group

        with self._lock:
            if not self._matrix.cells:
                return Group()
            return Group("", *table(self._matrix, *self._console.size), *self._silences(), "", self._footer())

    def _silences(self) -> "Iterator[RenderableType]":
        from rich.text import Text

        for name, since in self._silent.items():
            text = f"{printable(name)}: no progress for {self._matrix.now() - since:.0f} s"
            yield Text(text, style="yellow", no_wrap=True, overflow="ellipsis")

    def _footer(self) -> "RenderableType":
        from rich.text import Text

        rest = self._timing or str(estimate_time_left(self._matrix))
        parts = [f"{self._matrix.totals()} in {elapsed(self._matrix)}", rest]
        return Text(" · ".join(filter(None, parts)), style="dim", no_wrap=True, overflow="ellipsis")


def table(matrix: Matrix, width: int, height: int) -> "Iterator[RenderableType]":
    """Yield the table, and the lines that summarise cells without a row.

    Args:
        matrix: the progress of every cell.
        width: the width of the terminal, in characters.
        height: the height of the terminal, in lines.
    """
    from rich.text import Text

    shown, lines = choose(matrix, max(1, height - OTHER_LINES))
    if shown:
        yield rows(matrix, shown, width)
    for line in lines:
        yield Text(line, style="dim", no_wrap=True, overflow="ellipsis")


def choose(matrix: Matrix, lines: int) -> tuple[list[CellKey], list[str]]:
    """Choose the cells that get a row; cells in training come first.

    Args:
        matrix: the progress of every cell.
        lines: the number of lines for rows and summaries together.

    Returns:
        The labels of the cells with a row, in the order of the suite, and the lines that summarise all others: one for
        each task, or a single line if there are many tasks.
    """
    keys = list(matrix.cells)
    if len(keys) <= lines:
        return keys, []
    tasks = list(dict.fromkeys(task for task, _ in keys))
    summarised = [[task] for task in tasks] if len(tasks) <= lines // 2 else [tasks]
    busy = {key[0] for key in keys if matrix.groups[key]} | {(matrix.latest or keys[0])[0]}
    ranked = sorted((key for key in keys if key[0] in busy), key=lambda key: not matrix.groups[key])
    shown = set(ranked[: max(0, lines - len(summarised))])
    rest = [[key for key in keys if key[0] in tasks and key not in shown] for tasks in summarised]
    return [key for key in keys if key in shown], [summary(matrix, others) for others in rest if others]


def rows(matrix: Matrix, keys: Sequence[CellKey], width: int) -> "Table":
    """Return the table of the given cells.

    The widths of its two columns of labels depend on the whole suite, so that they do not change between redraws.

    Args:
        matrix: the progress of the whole suite.
        keys: the keys of the cells to show, in order.
        width: the width of the terminal, in characters.
    """
    from rich.text import Text

    out, above = _without_rows(matrix.counted), None
    tasks, methods = _widths(matrix, width - OTHER_COLUMNS)
    for key in keys:
        task = "" if key[0] == above else shortened(printable(key[0]), tasks)
        above = key[0]
        out.add_row(
            Text(padded(task, tasks)),
            *row(matrix, key, methods),
            style=None if matrix.runs[key] or matrix.groups[key] else "dim",
        )
    return out


def _without_rows(counted: str) -> "Table":
    from rich.table import Table

    out = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("task", "method", "", counted, "median", "epoch"):
        justify: Literal["left", "right"] = "right" if heading in (counted, "median") else "left"
        least = {counted: len(counted), "median": len("> 10,000")}.get(heading)
        out.add_column(heading, justify=justify, min_width=least, no_wrap=True, overflow="ellipsis")
    return out


def _widths(matrix: Matrix, width: int) -> tuple[int, int]:
    """Divide `width` characters between the column of tasks and the column of methods."""
    tasks, methods = (
        max(columns_of(printable(label)) for label in labels) for labels in zip(*matrix.cells, strict=True)
    )
    tasks = min(tasks, max(8, width // 2, width - methods))
    return tasks, min(methods, max(8, width - tasks))


def row(matrix: Matrix, key: CellKey, width: int) -> "Iterator[RenderableType]":
    """Yield the columns of a cell's row, except the task.

    The columns are the method, a bar of the replicas done, the numbers of grokked and planned replicas, the median, and
    the epoch in training with the counts of other outcomes.

    Args:
        matrix: the progress of every cell.
        key: the cell's labels.
        width: characters for the method's label.
    """
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    training = bool(matrix.groups[key])
    yield Text(padded(shortened(printable(key[1]), width), width), style="bold" if training else "")
    all_grokked = matrix.grokked(key) == matrix.seeds
    yield ProgressBar(
        matrix.seeds,
        matrix.done(key),
        width=8,
        complete_style="cyan",
        finished_style="green" if all_grokked else "yellow",
    )
    yield Text(f"{matrix.grokked(key)}/{matrix.seeds}")
    yield Text(matrix.median(key))
    epoch = f"{matrix.epoch(key):,}/{matrix.cells[key].budget:,}" if training else ""
    yield Text(", ".join(filter(None, [epoch, matrix.failures(key)])))


def summary(matrix: Matrix, keys: Sequence[CellKey]) -> str:
    """Summarise cells without a row in one line: cells done, in training and to do, and replicas that grokked.

    Args:
        matrix: the progress of the whole suite.
        keys: the keys of the cells without a row, at least one.
    """
    tasks = list(dict.fromkeys(task for task, _ in keys))
    done = sum(map(matrix.complete, keys))
    training = sum(bool(matrix.groups[key]) for key in keys)
    counts = {"done": done, "in training": training, "to do": len(keys) - done - training}
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    grokked = f"{sum(map(matrix.grokked, keys)):,}/{matrix.seeds * len(keys):,} {matrix.counted}"
    label = printable(tasks[0]) if len(tasks) == 1 else plural(len(tasks), "task")
    return f"{label}: {plural(len(keys), 'cell')} more, {words}, {grokked}"
