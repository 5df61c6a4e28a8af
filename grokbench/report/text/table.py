"""The columns of tables for people: cells as text, and the order in which columns are left out if space is scarce.

Programs identify a column by its key; the header is only for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.row import Row
from grokbench.judging.row_comparison import RowComparison
from grokbench.judging.task_summary import TaskSummary
from grokbench.judging.verdicts import Reproduction
from grokbench.records import Statistics
from grokbench.text.escape import printable
from grokbench.text.numbers import BOUND_SIGN, NOTHING, figure, interval, number, times
from grokbench.text.table import GAP, aligned, shortened, width

__all__ = ["Column", "Columns", "Key", "columns", "contrasts", "mean_text", "median_text", "signs_of", "speedup_text"]

SHORTEST_LABEL = 16
LONGEST_OTHER = 40  # largest width, in columns of the terminal, of the other row's label in a comparison


class Key(StrEnum):
    """The content of a column."""

    METHOD = "method"
    PLACE = "place"
    AGAINST = "against"
    GROKKED = "grokked"
    MEDIAN = "median"
    MEAN = "mean"
    LASTING = "lasting"
    SPEEDUP = "speedup"
    P = "p"
    P_HOLM = "p_holm"
    SECONDS_PER_EPOCH = "seconds_per_epoch"
    TIME = "time"
    PUBLISHED = "published"
    WITHOUT = "without"


LEAST_NEEDED = (  # the order in which columns are left out
    *(Key.SECONDS_PER_EPOCH, Key.PLACE, Key.MEAN, Key.P, Key.PUBLISHED, Key.TIME, Key.MEDIAN),
    Key.WITHOUT,
)
STRONG = (Key.METHOD, Key.SPEEDUP)  # the columns whose cells are bold in a row that is among the best
VERDICTS = {verdict: f" {verdict.value}" for verdict in Reproduction}  # the text after a published ratio


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        header: the text above the column.
        side: "left" or "right": the alignment of the cells.
        key: the content of the column; None if no program looks for it.
    """

    header: str
    side: str
    key: Key | None = None

    @property
    def strong(self) -> bool:
        """True if the column's cell is bold in a row that is among the best."""
        return self.key in STRONG


@dataclass(frozen=True)
class Columns:
    """A table as text.

    Attributes:
        heads: the heads of k columns; the first column holds labels.
        cells: rows of k texts; characters that are not printable are escaped.
    """

    heads: tuple[Column, ...]
    cells: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Escape the cells, so that each is a single line and cannot control the terminal."""
        object.__setattr__(self, "cells", tuple(tuple(map(printable, row)) for row in self.cells))

    @property
    def headers(self) -> tuple[str, ...]:
        """The header of each column."""
        return tuple(head.header for head in self.heads)

    @property
    def align(self) -> tuple[str, ...]:
        """The side of each column."""
        return tuple(head.side for head in self.heads)

    @property
    def widths(self) -> list[int]:
        """The width of each column on a terminal."""
        return [max(map(width, column)) for column in zip(self.headers, *self.cells, strict=True)]

    def lines(self) -> list[str]:
        """Write the headers, a line below them, and the rows."""
        return aligned([self.headers, ["-" * each for each in self.widths], *self.cells], self.align)

    def fit(self, most: int) -> "Columns":
        """Shorten labels, then leave columns out, until the table is at most `most` characters wide, if possible."""
        shown = self
        adjusted = any(head.key == Key.P_HOLM for head in self.heads)  # then p decides nothing
        for key in ((Key.SECONDS_PER_EPOCH, Key.P) if adjusted else ()) + LEAST_NEEDED:
            if shown._width(SHORTEST_LABEL) <= most:
                break
            shown = shown.without(key)
        longest = max(SHORTEST_LABEL, most - shown._width(0))
        return Columns(shown.heads, tuple((shortened(row[0], longest), *row[1:]) for row in shown.cells))

    def without(self, key: Key) -> "Columns":
        """Leave out the column with this key, if there is one."""
        keep = [i for i, head in enumerate(self.heads) if head.key != key]
        return Columns(tuple(self.heads[i] for i in keep), tuple(tuple(row[i] for i in keep) for row in self.cells))

    def _width(self, longest_label: int) -> int:
        """Compute the width of the table if labels are cut to a given length."""
        labels, *others = self.widths
        return min(labels, longest_label) + sum(others) + GAP * len(others)


def columns(rows: Sequence[Row], leaderboard: Leaderboard, verdicts: Mapping[Reproduction, str] = VERDICTS) -> Columns:
    """Write some rows of a leaderboard as a table.

    Args:
        rows: the rows to show.
        leaderboard: the whole leaderboard; it decides which columns there are, so that the tables of all tasks have the
            same columns.
        verdicts: verdict on a published ratio -> the text after that ratio.
    """
    statistics = leaderboard.statistics
    speedup = f"speed-up [{100 * statistics.confidence:g}%]"
    shown = {
        Column("method", "left", Key.METHOD): [
            f"{row.regularizer} {signs}" if (signs := signs_of(row)) else row.regularizer for row in rows
        ],
    }
    if any(row.place is not None for row in leaderboard.rows):
        shown[Column("place", "right", Key.PLACE)] = [NOTHING if row.place is None else str(row.place) for row in rows]
    shown |= {
        Column("grokked", "right", Key.GROKKED): [_grokked(row) for row in rows],
        Column("median", "right", Key.MEDIAN): [median_text(row, leaderboard.tasks.get(row.task)) for row in rows],
        Column("mean", "right", Key.MEAN): [mean_text(row) for row in rows],
    }
    if any(row.lasting is not None for row in leaderboard.rows):
        shown[_other_crossing(statistics)] = [_other(row, statistics) for row in rows]
    shown |= {
        Column(speedup, "right", Key.SPEEDUP): [speedup_text(row) for row in rows],
        **_p_columns(statistics, [(row.p_deciding, row.p(statistics)) for row in rows]),
    }
    if any(row.seconds_per_epoch is not None for row in leaderboard.rows):
        shown[Column("s/epoch", "right", Key.SECONDS_PER_EPOCH)] = [figure(row.seconds_per_epoch) for row in rows]
        shown[Column("time", "right", Key.TIME)] = [times(row.seconds_shown, row.seconds_shown_bound) for row in rows]
    if any(row.published_epochs is not None for row in leaderboard.rows):
        shown[Column("published", "left", Key.PUBLISHED)] = [_published(row, verdicts) for row in rows]
    return Columns(tuple(shown), tuple(zip(*shown.values(), strict=True)))


def contrasts(rows: Sequence[Row], leaderboard: Leaderboard) -> Columns | None:
    """Write a table of some rows' comparisons with rows other than the baseline; None if they have no such comparisons.

    Args:
        rows: the rows to show.
        leaderboard: the whole leaderboard, with the statistics.
    """
    found, statistics = [(row, each) for row in rows for each in row.comparisons], leaderboard.statistics
    shown = {
        Column("method", "left", Key.METHOD): [row.regularizer for row, _ in found],
        Column("against", "left", Key.AGAINST): [shortened(printable(each.other), LONGEST_OTHER) for _, each in found],
        Column(f"speed-up [{100 * statistics.confidence:g}%]", "right", Key.SPEEDUP): [
            speedup_text(each) for _, each in found
        ],
        **_p_columns(statistics, [(each.p, each.deciding_p(statistics)) for _, each in found]),
    }
    return Columns(tuple(shown), tuple(zip(*shown.values(), strict=True))) if found else None


def signs_of(row: Row) -> str:
    """Return the signs after a method's label: `*` for another recipe, `+` for privileges, `@` for another machine."""
    return "*" * bool(row.marks) + "+" * bool(row.privileges) + "@" * bool(row.reference)


def speedup_text(row: Row | RowComparison) -> str:
    """Write a row's speed-up with its interval; for a one-sided bound, write the valid end of the interval."""
    return interval(row.speedup, row.speedup_low, row.speedup_high, row.speedup_bound)


def _grokked(row: Row) -> str:
    return f"{row.grokked}/{row.seeds}" if row.seeds else NOTHING


def mean_text(row: Row) -> str:
    """Write a row's mean, with the sign of a lower bound if seeds did not grok."""
    return NOTHING if row.epochs_mean is None else f"{BOUND_SIGN[row.epochs_mean_bound]}{number(row.epochs_mean)}"


def median_text(row: Row, task: TaskSummary | None) -> str:
    """Write a row's median, or its lower bound if no more than half of the seeds grokked.

    Args:
        row: a row of a leaderboard.
        task: the summary of its task, with the budget; None if it is not known.
    """
    if row.epochs_median_low is not None:
        return f"{BOUND_SIGN['lower']}{number(row.epochs_median_low)}"
    if row.epochs_median is None and row.epochs_mean is not None and task is not None:
        return f"> {task.budget}"
    return figure(row.epochs_median)


def _other_crossing(statistics: Statistics) -> Column:
    """Return the head of the column for the crossing by which the suite does not rank."""
    return Column("lasting" if statistics.rank_by == "first" else "first", "right", Key.LASTING)


def _other(row: Row, statistics: Statistics) -> str:
    if row.lasting is None:
        return NOTHING
    if statistics.rank_by == "lasting":
        return figure(row.first_median)
    return f"{row.lasting}/{row.seeds} {figure(row.lasting_median)}".removesuffix(f" {NOTHING}")


def _p_columns(statistics: Statistics, found: Sequence[tuple[float | None, float | None]]) -> dict[Column, list[str]]:
    """Write the columns of p: the p of the deciding test and, if the suite adjusts, the adjusted p.

    Args:
        statistics: the statistics of the suite.
        found: the p of each row, and its adjusted p.
    """
    shown = {Column("p", "right", Key.P): [_p(p) for p, _ in found]}
    if statistics.adjusts:
        shown[Column(statistics.name_of_p, "right", Key.P_HOLM)] = [_p(adjusted) for _, adjusted in found]
    return shown


def _p(p: float | None) -> str:
    return NOTHING if p is None else f"{p:.2g}"


def _published(row: Row, verdicts: Mapping[Reproduction, str]) -> str:
    return times(row.published_speedup) + (verdicts[row.verdict] if row.verdict else "")
