"""What stands around a leaderboard's tables: a table per task, where it was made, how to read it, cautions."""

import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

from grokbench.judging.ranking import Leaderboard, Row
from grokbench.stats import EXACT_PAIRS, MONTE_CARLO_DRAWS
from grokbench.text.numbers import number

__all__ = [
    "TESTS",
    "begun",
    "by_task",
    "environment_line",
    "environment_value",
    "heading",
    "legend",
    "named_test",
    "remarks",
    "row_notes",
    "warnings",
    "wrap",
]

TESTS = {
    "sign_flip": "the sign flip of the log ratios",
    "paired_t": "the paired t of epochs",
    "wilcoxon": "the Wilcoxon signed rank of the log ratios",
    "logrank": "the log-rank with labels exchanged within pairs",
}
IN_COLUMNS = (  # how notes begin that say what a table's columns say too
    *("all ", "its one seed grokked", "the baseline that the others", "significantly ", "no significant difference"),
    *("too few seeds to tell", "reproduced: ", "not reproduced: ", "inconclusive: "),
)
NAMED = {"git": "git commit of grokbench", "grokbench": "grokbench version"}
CAUTIONS = ("cannot reach", "compare with care", "do not compare")  # what marks a note as a warning


def by_task(leaderboard: Leaderboard) -> dict[str, tuple[Row, ...]]:
    """The rows of each task, in order."""
    tasks = dict.fromkeys(row.task for row in leaderboard.rows)
    return {task: tuple(row for row in leaderboard.rows if row.task == task) for task in tasks}


def begun(leaderboard: Leaderboard) -> tuple[dict[str, tuple[Row, ...]], str]:
    """The tasks with something to show, and a sentence that names the others; all of them where nothing has run."""
    tasks = by_task(leaderboard)
    shown = {task: rows for task, rows in tasks.items() if any(_has_run(row) for row in rows)} or tasks
    waiting = [task for task in tasks if task not in shown]
    return shown, f"Not run yet: {', '.join(waiting)}." if waiting else ""


def heading(task: str, leaderboard: Leaderboard) -> str:
    """A task and its budget."""
    budget = leaderboard.budgets.get(task)
    return task if budget is None else f"{task}, {number(budget)} epochs at most"


def row_notes(row: Row, shared: tuple[str, ...]) -> str:
    """A row's sentences after its label, without those said once for the whole leaderboard."""
    return f"{row.regularizer}: {'; '.join(note for note in row.notes if note not in shared)}"


def remarks(row: Row, shared: tuple[str, ...]) -> list[str]:
    """What a row's notes say beyond its columns, without those said once for the whole leaderboard."""
    return [note for note in row.notes if note not in shared and not note.startswith(IN_COLUMNS)]


def warnings(leaderboard: Leaderboard) -> tuple[str, ...]:
    """Cautions that several rows share, and values of the environment that differ between runs; each once."""
    counts = Counter(note for row in leaderboard.rows for note in row.notes if any(c in note for c in CAUTIONS))
    shared = [note for note, times in counts.items() if times > 1]
    differing = [key for key, value in leaderboard.environment.items() if isinstance(value, list)]
    return (*shared, *(f"the runs were made with more than one {NAMED.get(key, key)}" for key in differing))


def environment_line(environment: Mapping[str, Any]) -> str:
    """The known values, in one line."""
    known = {key: value for key, value in environment.items() if value is not None}
    return ", ".join(f"{key} {environment_value(value)}" for key, value in known.items())


def legend(leaderboard: Leaderboard) -> list[str]:
    """How to read the columns."""
    statistics, seeds = leaderboard.statistics, max((row.seeds for row in leaderboard.rows), default=0)
    lines = [
        "Speed-up: exp of the mean log ratio of baseline to method epochs over paired seeds, with its "
        f"{100 * statistics.confidence:g}% interval; >= and <= mark bounds left by seeds that did not grok, by the end "
        f"of the interval that stands, ~ what is neither. p: {named_test(statistics.primary, seeds)}. Times at the "
        "budget are capped there, so a mean is a restricted mean.",
    ]
    if any(row.seconds_per_epoch is not None for row in leaderboard.rows):
        lines.append("time: ratio of the mean seconds to grok, from seconds per epoch measured apart.")
    if leaderboard.source is not None:
        lines.append(f"Published: {leaderboard.source}.")
    return lines


def named_test(test: str, seeds: int) -> str:
    """What is tested, and how; a sign flip is exact where so few seeds allow that all flips are counted."""
    exact = test == "sign_flip" and seeds <= EXACT_PAIRS
    drawn = f", by {MONTE_CARLO_DRAWS} random flips" if test == "sign_flip" and not exact else ""
    return f"{TESTS[test].replace('the ', 'the exact ', 1) if exact else TESTS[test]}{drawn}"


def wrap(text: str, width: int, hang: int = 0) -> list[str]:
    """Lines of at most `width` characters, all but the first indented by `hang`; none for no text."""
    return textwrap.wrap(text, width, subsequent_indent=" " * hang, break_on_hyphens=False)


def _has_run(row: Row) -> bool:
    return row.grokked + row.censored + row.diverged + row.failed > 0


def environment_value(value: Any) -> str:
    """One of the known values; those that differ between runs beside each other."""
    if isinstance(value, list):
        return " | ".join(map(environment_value, value))
    if isinstance(value, Mapping) and "commit" in value:
        return f"{str(value['commit'])[:10]}{' with uncommitted changes' if value.get('dirty') else ''}"
    return "unknown" if value is None else str(value)
