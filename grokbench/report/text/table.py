"""The columns of a leaderboard for people: what is shown of a row, and what gives way on a narrow terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from grokbench.judging.ranking import Leaderboard, Row
from grokbench.text.numbers import NOTHING, figure, interval, times

__all__ = ["Columns", "columns", "speedup_text", "strong"]

LEAST_NEEDED = ("s/epoch", "mean", "p", "published", "time", "median")  # left out in this order
SHORTEST_LABEL = 14
GAP = 2  # blanks between columns


@dataclass(frozen=True)
class Columns:
    """Headers, sides ("left" or "right") and cells (rows x columns), all text; the first column holds labels."""

    headers: tuple[str, ...]
    align: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    def fit(self, width: int) -> "Columns":
        """No wider than `width` characters if that can be: labels shortened, then columns left out."""
        shown = self
        for header in LEAST_NEEDED:
            if shown._width(SHORTEST_LABEL) <= width:
                break
            shown = shown.without(header)
        room = max(SHORTEST_LABEL, width - shown._width(0))
        return Columns(shown.headers, shown.align, tuple((_shorten(row[0], room), *row[1:]) for row in shown.cells))

    @property
    def widths(self) -> list[int]:
        """Of each column, in characters."""
        return [max(map(len, column)) for column in zip(self.headers, *self.cells, strict=True)]

    def without(self, header: str) -> "Columns":
        """All but the column of that header, if there is one."""
        keep = [i for i, each in enumerate(self.headers) if each != header]
        headers, align, *cells = (tuple(row[i] for i in keep) for row in (self.headers, self.align, *self.cells))
        return Columns(headers, align, tuple(cells))

    def _width(self, longest_label: int) -> int:
        """Of the table, were its labels cut to this many characters."""
        labels, *others = self.widths
        return min(labels, longest_label) + sum(others) + GAP * len(others)


def columns(rows: Sequence[Row], leaderboard: Leaderboard) -> Columns:
    """The columns of some rows; which there are depends on the whole leaderboard, so that its tables line up."""
    primary = f"p_{leaderboard.statistics.primary}"
    shown = {
        "method": [row.regularizer for row in rows],
        "grokked": [f"{row.grokked}/{row.seeds}" if row.seeds else NOTHING for row in rows],
        "median": [_median(row, leaderboard.budgets.get(row.task)) for row in rows],
        "mean": [figure(row.epochs_mean) for row in rows],
        f"speed-up [{100 * leaderboard.statistics.confidence:g}%]": [speedup_text(row) for row in rows],
        "p": [_p(getattr(row, primary)) for row in rows],
    }
    if leaderboard.statistics.correction == "holm":
        shown["Holm p"] = [_p(row.p_holm) for row in rows]
    if any(row.seconds_per_epoch is not None for row in leaderboard.rows):
        shown["s/epoch"] = [figure(row.seconds_per_epoch) for row in rows]
        shown["time"] = [times(row.seconds_speedup, row.speedup_bound) for row in rows]
    if any(row.published_epochs is not None for row in leaderboard.rows):
        shown["published"] = [" ".join([times(row.published_speedup), row.verdict or ""]).strip() for row in rows]
    align = tuple("left" if name in ("method", "published") else "right" for name in shown)
    return Columns(tuple(shown), align, tuple(zip(*shown.values(), strict=True)))


def strong(headers: Sequence[str]) -> list[int]:
    """Which columns of a row are bold where the row is: its label and its speed-up."""
    return [i for i, header in enumerate(headers) if header == "method" or header.startswith("speed-up")]


def _median(row: Row, budget: int | None) -> str:
    if row.epochs_median is None and row.epochs_mean is not None and budget is not None:
        return f"> {budget}"
    return figure(row.epochs_median)


def speedup_text(row: Row) -> str:
    """A row's speed-up with its interval; of a bound, the end that stands."""
    return interval(row.speedup, row.speedup_low, row.speedup_high, row.speedup_bound)


def _p(p: float | None) -> str:
    return NOTHING if p is None else f"{p:.2g}"


def _shorten(label: str, room: int) -> str:
    """At most `room` characters: cut in the middle, since the ends tell a sweep's labels apart."""
    if len(label) <= room:
        return label
    head = (room - 1) // 2
    return f"{label[:head]}…{label[len(label) - (room - 1 - head) :]}"
