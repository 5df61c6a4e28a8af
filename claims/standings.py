"""The tables of the open leaderboard: one for each task, what tuning changes, and what the placebo shows."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from claims.board import Board, finished
from claims.markdown import table
from grokbench.judging.best import best, rule
from grokbench.judging.conclusions import Conclusion
from grokbench.judging.marks import mark_text
from grokbench.judging.ordering import ordered
from grokbench.judging.outcomes import Measured
from grokbench.judging.row import Row
from grokbench.report.text.prose import heading
from grokbench.report.text.table import median_text, speedup_text
from grokbench.text.lists import listed
from grokbench.text.numbers import NOTHING, figure, times

__all__ = ["NOT_RUN", "leaders", "placebo", "standings", "tuning"]

NOT_RUN = "*not run*"
LEAST_DELAY, LEAST_SHARE = 5, 0.9  # rule 1 of docs/protocol.md
PLACEBO = "placebo"
COLUMNS = (
    *("method", "place", "lasted", "first crossing", "median", "speed-up", "Holm p"),
    *("cost of an epoch", "seconds", "recipe", "privileges"),
)


def leaders(board: Board) -> str:
    """Return a table of the fastest methods of each ranked task, those of one place together."""
    lines = [line for task in board.tasks for line in _leaders(board, task)]
    return table(("task", "fastest", "speed-up", "recipe", "privileges"), lines) if lines else f"{NOT_RUN}."


def _leaders(board: Board, task: str) -> Iterator[list[str]]:
    """Yield the cells of a line for each of the fastest methods, and for what is missing."""
    rows = [row for row in board.rows.values() if row.task == task]
    if not any(map(finished, rows)) or not is_ranked(board, task)[0]:
        return
    found, complete = best(rows), sum(finished(row) == board.seeds for row in rows)
    for row in ordered(found, board.baseline, "speedup"):
        yield [task, f"`{row.regularizer}`", speedup_text(row), *_recipe(row)]
    if complete < len(rows):
        yield [task, f"*{complete} of {len(rows)} methods run so far*", *[""] * 3]
    elif not found:
        yield [task, f"none is significantly faster than `{board.baseline}`", *[""] * 3]


def standings(board: Board) -> Iterator[str]:
    """Yield the paragraphs on a suite: how far it has been run, and a table for each task."""
    done = sum(map(finished, board.rows.values()))
    total = len(board.planned) * board.seeds
    text = f"{len(board.tasks)} tasks, {len({method for _, method in board.planned})} methods, {board.seeds} seeds"
    if board.leaderboard is None:
        yield f"{NOT_RUN}: {text}, {total} replicas."
        return
    yield f"Protocol `{board.leaderboard.protocol}`, `results/{board.name}`: {text}, {done} of {total} replicas run."
    yield rule(board.baseline, board.leaderboard.statistics)
    for task in board.tasks:
        yield from _task(board, task)


def _task(board: Board, task: str) -> Iterator[str]:
    rows = [row for row in board.rows.values() if row.task == task]
    yield f"### {board.name}: {task}"
    if not any(map(finished, rows)):
        yield f"{NOT_RUN}."
        return
    assert board.leaderboard is not None
    ranked, late = is_ranked(board, task)
    yield f"{heading(task, board.leaderboard).removeprefix(f'{task}, ')}. {late}"
    bold = best(rows) if ranked else []
    shown = ordered(ordered(rows, board.baseline, "speedup"), board.baseline, "place")
    yield table(COLUMNS, [_line(board, row, ranked, row in bold) for row in shown])
    skipped = sorted((skip.why, skip.regularizer) for skip in board.leaderboard.skipped if skip.task == task)
    for why, group in groupby(skipped, lambda skip: skip[0]):
        yield f"Left out: {', '.join(f'`{label}`' for _, label in group)} ({why})."


def is_ranked(board: Board, task: str) -> tuple[bool, str]:
    """Return whether a task is ranked, and a sentence on its delay; with tuned settings every task is.

    A ranked task has, with the default settings, the delay that a race needs: rule 1 of docs/protocol.md.
    """
    if board.tuned:
        return True, ""
    cell = board.cells[task, board.baseline].measured
    late, done = _delayed(cell), len(cell.finished)
    ranked = bool(done) and late >= LEAST_SHARE * done
    text = f"The baseline groks at least {LEAST_DELAY} times later than it memorises on {late} of {done} seeds"
    return ranked, f"{text}." if ranked else f"{text}: the task is not ranked."


def _delayed(cell: Measured) -> int:
    """Count the seeds that grok at least LEAST_DELAY times later than they memorise."""
    found = zip(cell.finished, cell.times, cell.grokked, strict=True)
    return sum(hit and time >= LEAST_DELAY * (run.memorised_at or time) for run, time, hit in found)


def _line(board: Board, row: Row, ranked: bool, leads: bool) -> list[str]:
    assert board.leaderboard is not None
    name = f"**`{row.regularizer}`**" if leads else f"`{row.regularizer}`"
    if (done := finished(row)) < board.seeds:
        run = f"*{done} of {board.seeds} seeds run*" if done else NOT_RUN
        return [name, NOTHING, run, *[NOTHING] * 6, *_recipe(row)]
    first = sum(board.cells[row.task, row.regularizer].measured.courses.crossed("first")[1])
    p = row.p(board.leaderboard.statistics)
    return [
        name,
        str(row.place) if ranked and row.place is not None else NOTHING,
        f"{row.grokked}/{row.seeds}",
        f"{first}/{row.seeds}, {figure(row.first_median)}",
        median_text(row, board.leaderboard.tasks.get(row.task)),
        speedup_text(row),
        NOTHING if p is None else f"{p:.2g}",
        _cost(row, board.rows.get((row.task, board.baseline))),
        times(row.seconds_shown, row.seconds_shown_bound),
        *_recipe(row),
    ]


def _cost(row: Row, baseline: Row | None) -> str:
    """Write the operations of an epoch in epochs of the baseline, if they were counted."""
    if baseline is None or not row.flop_per_epoch or not baseline.flop_per_epoch:
        return NOTHING
    return times(row.flop_per_epoch / baseline.flop_per_epoch)


def _recipe(row: Row) -> list[str]:
    return [", ".join(map(mark_text, row.marks)), ", ".join(row.privileges)]


def tuning(board: Board, tuned: Board) -> Iterator[str]:
    """Yield the paragraphs on what the same trials for every method change, task by task.

    Args:
        board: the suite with the settings of the literature.
        tuned: the suite with tuned settings.
    """
    if board.leaderboard is None or tuned.leaderboard is None:
        yield f"{NOT_RUN}: it needs `results/{board.name}` and `results/{tuned.name}`."
        return
    for task in tuned.tasks:
        yield _delay(board, tuned, task)
        labels = [label for key, label in tuned.planned if key == task and label != tuned.baseline]
        pairs = [(board.rows.get((task, label)), tuned.rows.get((task, label))) for label in labels]
        lines = [_change(before, after) for before, after in pairs if before and after]
        yield table(("method", "speed-up, settings of the literature", "tuned", "advantage"), lines)


def _delay(board: Board, tuned: Board, task: str) -> str:
    """Say how late the baseline groks with either setting."""
    (epochs, delay), (tuned_epochs, tuned_delay) = (_late(each, task) for each in (board, tuned))
    text = (
        f"`{task}`: with the task's settings the baseline groks at {figure(epochs)} epochs, {times(delay)} its epochs "
    )
    text += f"to memorise; tuned, at {figure(tuned_epochs)} epochs, {times(tuned_delay)}"
    gone = tuned_delay is not None and tuned_delay < LEAST_DELAY
    return f"{text}. Tuning removes the delay of {LEAST_DELAY} times that a race needs." if gone else f"{text}."


def _late(board: Board, task: str) -> tuple[float | None, float | None]:
    """Return the baseline's median epochs to grok, and these divided by its median epochs to memorise."""
    row, summary = board.rows.get((task, board.baseline)), board.leaderboard and board.leaderboard.tasks.get(task)
    return row.epochs_median if row else None, summary.baseline_delay if summary else None


def _change(before: Row, after: Row) -> list[str]:
    if None in (before.conclusion, after.conclusion):
        kept = NOTHING
    elif before.conclusion is not Conclusion.FASTER:
        kept = "none before" if after.conclusion is not Conclusion.FASTER else "only tuned"
    else:
        kept = "kept" if after.conclusion is Conclusion.FASTER else "**removed**"
    return [f"`{after.regularizer}`", speedup_text(before), speedup_text(after), kept]


def placebo(boards: Sequence[Board]) -> str:
    """Compare the number of the placebo's significant results with the range that chance gives.

    The baseline with its initialisation perturbed by 1e-6 has no effect, so each of its tests is significant at alpha
    with a probability of at most alpha.

    Args:
        boards: the suites, each with a row of that name.
    """
    from scipy.stats import binom

    rows = [row for board in boards for row in board.rows.values() if row.regularizer == PLACEBO]
    found = [p for row in rows if (p := row.p_deciding) is not None]
    if not found:
        return f"{NOT_RUN}."
    alpha = next(board.leaderboard.statistics.alpha for board in boards if board.leaderboard)
    low, high = (int(end) for end in binom.interval(0.95, len(found), alpha))
    hits = sum(p <= alpha for p in found)
    where = "within" if low <= hits <= high else "**outside**"
    return (
        f"{hits} of {len(found)} tests of the placebo are significant at {alpha:g} before Holm's correction, {where} "
        f"the 95% range of the binomial distribution, {low} to {high}. Their p: {listed([f'{p:.2g}' for p in found])}."
    )
