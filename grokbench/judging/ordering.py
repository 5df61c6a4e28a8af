"""The order in which a leaderboard shows its rows, and the rows that it shows. Numbers do not depend on either."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from grokbench.judging.aggregate import Aggregate
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.row import Row

__all__ = ["LARGE", "SORTS", "arranged", "is_large", "leading", "methods", "ordered"]

LARGE = 8  # most methods of a leaderboard that is shown in the order of its suite; larger ones begin with the leaders
FLATTERED = ("upper", "mixed")  # bounds of a method that did not grok on every seed

Key = Callable[[Row], float | str | None]


def _speed(row: Row) -> float | None:
    """Return the negated speed-up, so that the fastest method comes first.

    The speed-up of a method that missed seeds counts as at most 1, the baseline's own, because such a method is not
    known to be faster than the baseline.
    """
    if row.shown is None:
        return None
    return -min(row.shown, 1.0) if row.shown_bound in FLATTERED else -row.shown


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


SORTS: dict[str, Key] = {  # name of an order -> the value by which rows are sorted, the smallest first, None last
    "suite": lambda row: 0,
    "speedup": _speed,
    "place": lambda row: row.place,
    "median": lambda row: row.epochs_median if row.epochs_median_low is None else row.epochs_median_low,
    "mean": lambda row: row.epochs_mean,
    "p": lambda row: row.p_deciding if row.p_holm is None else row.p_holm,
    "time": lambda row: _negated(row.seconds_shown),
    "method": lambda row: row.regularizer.casefold(),
}


def methods(leaderboard: Leaderboard) -> list[str]:
    """List the methods of a leaderboard, the baseline first and the others in the order of the suite."""
    labels = dict.fromkeys(row.regularizer for row in leaderboard.rows)
    return sorted(labels, key=lambda label: label != leaderboard.baseline)


def is_large(leaderboard: Leaderboard) -> bool:
    """Return whether a leaderboard has more than LARGE methods."""
    return len(methods(leaderboard)) > LARGE


def ordered(rows: Iterable[Row], baseline: str, sort: str) -> list[Row]:
    """Sort the rows of one task: by `sort`, and the baseline first unless `sort` is "suite" or "method".

    Args:
        rows: the rows, in the order of the suite, which breaks ties.
        baseline: the label of the baseline.
        sort: a key of SORTS.
    """
    key = SORTS[sort]
    first = sort not in ("suite", "method")

    def place(row: Row) -> tuple[bool, bool, float | str]:
        value = key(row)
        return not (first and row.regularizer == baseline), value is None, 0 if value is None else value

    return sorted(rows, key=place)


def leading(leaderboard: Leaderboard) -> list[str]:
    """List the methods of a leaderboard: the baseline, then the methods by their best rank on any task.

    Methods with equal best ranks are ordered by their mean rank over tasks. Methods without a speed-up come last.
    """
    ranks: dict[str, list[int]] = {label: [] for label in methods(leaderboard)}
    for task in dict.fromkeys(row.task for row in leaderboard.rows):
        rows = [row for row in leaderboard.rows if row.task == task and row.shown is not None]
        for rank, row in enumerate(ordered(rows, leaderboard.baseline, "speedup")):
            ranks[row.regularizer].append(rank)
    first = leaderboard.baseline
    return sorted(ranks, key=lambda label: (label != first, not ranks[label], *_standing(ranks[label])))


def _standing(ranks: Sequence[int]) -> tuple[float, float]:
    return (min(ranks), fmean(ranks)) if ranks else (0.0, 0.0)


def arranged(
    leaderboard: Leaderboard,
    sort: str | None = None,
    *,
    tasks: Collection[str] = (),
    labels: Collection[str] = (),
    top: int | None = None,
) -> Leaderboard:
    """Select and sort the rows of a leaderboard. Every p stays as it is, corrected over all planned comparisons.

    Args:
        leaderboard: the leaderboard.
        sort: a key of SORTS. None: the order of the suite, or "speedup" for more than LARGE methods.
        tasks: the tasks to show; empty for all.
        labels: the methods to show besides the baseline; empty for all.
        top: the most rows to show of a task besides the baseline's; None for all.
    """
    chosen = sort or ("speedup" if is_large(leaderboard) else "suite")
    rows: list[Row] = []
    for task in dict.fromkeys(row.task for row in leaderboard.rows if not tasks or row.task in tasks):
        mine = [row for row in leaderboard.rows if row.task == task]
        found = ordered(mine, leaderboard.baseline, chosen)
        others = [row for row in found if row.regularizer != leaderboard.baseline]
        kept = [row for row in others if not labels or row.regularizer in labels][:top]
        rows += [row for row in found if row.regularizer == leaderboard.baseline or row in kept]
    means = [] if tasks else [each for each in leaderboard.aggregate if not labels or each.regularizer in labels]
    if chosen != "suite":
        means = sorted(means, key=lambda each: -(each.speedup or 0.0))[:top]
    return _with(leaderboard, tuple(rows), tuple(means))


def _with(leaderboard: Leaderboard, rows: tuple[Row, ...], means: tuple[Aggregate, ...]) -> Leaderboard:
    """Return the leaderboard with these rows and means, and with the skipped cells, tasks and pairs of these rows."""
    cells = {(row.task, row.regularizer) for row in rows}
    tasks = {row.task for row in rows}
    return replace(
        leaderboard,
        rows=rows,
        skipped=tuple(skip for skip in leaderboard.skipped if (skip.task, skip.regularizer) in cells),
        tasks={task: found for task, found in leaderboard.tasks.items() if task in tasks},
        pairs=tuple(pair for pair in leaderboard.pairs if {(pair.task, pair.a), (pair.task, pair.b)} <= cells),
        aggregate=means,
    )
