"""The text around the tables of a leaderboard: headings, notes, warnings and a legend."""

import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.note import Kind, Note, Severity, caution
from grokbench.judging.row import Row
from grokbench.records import LASTING
from grokbench.report.text.collected import COLLECTED, collected
from grokbench.stats import EXACT_PAIRS, MONTE_CARLO_DRAWS
from grokbench.text.escape import printable
from grokbench.text.lists import listed
from grokbench.text.numbers import number, times

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
    "task_notes",
    "warnings",
    "wrap",
]

TESTS = {  # test -> its name
    "sign_flip": "sign-flip (permutation) test on the log ratios",
    "paired_t": "paired t test on epochs",
    "wilcoxon": "Wilcoxon signed-rank test on the log ratios",
    "logrank": "log-rank test with labels exchanged within pairs",
    "misses_last": "sign test of which side grokked first, a seed that did not grok being last",
}
# Notes that say the same as a column.
IN_COLUMNS = {Kind.BASELINE, Kind.ALL_GROKKED, Kind.SIGNIFICANCE, Kind.PUBLISHED_VERDICT}
NAMED = {"git": "git commit of grokbench", "grokbench": "grokbench version"}


def by_task(leaderboard: Leaderboard) -> dict[str, tuple[Row, ...]]:
    """Group the rows by task, in order."""
    tasks = dict.fromkeys(row.task for row in leaderboard.rows)
    return {task: tuple(row for row in leaderboard.rows if row.task == task) for task in tasks}


def begun(leaderboard: Leaderboard) -> tuple[dict[str, tuple[Row, ...]], str]:
    """Select the tasks with a replica that has run (all tasks if there are none), and name the others in a sentence."""
    tasks = by_task(leaderboard)
    shown = {task: rows for task, rows in tasks.items() if any(_has_run(row) for row in rows)} or tasks
    waiting = [task for task in tasks if task not in shown]
    return shown, f"Not run yet: {', '.join(waiting)}." if waiting else ""


def heading(task: str, leaderboard: Leaderboard) -> str:
    """Write the heading of a task: label, budget, cadence, delay, and the epochs over which grokking has to last.

    Args:
        task: the label of the task.
        leaderboard: the leaderboard. If it has no summary of the task, the heading is the label alone.
    """
    if (found := leaderboard.tasks.get(task)) is None:
        return task
    cadence = "every epoch" if found.evaluate_every == 1 else f"every {found.evaluate_every} epochs"
    delay = "" if found.baseline_delay is None else f", delay {times(found.baseline_delay)}"
    lasting = "" if found.hold is None else f", lasting grokking: {number(found.hold)} epochs"
    return f"{task}, {number(found.budget)} epochs at most, evaluated {cadence}{delay}{lasting}"


def task_notes(task: str, leaderboard: Leaderboard) -> list[str]:
    """List the sentences that concern all rows of a task.

    Args:
        task: the label of the task.
        leaderboard: the leaderboard, with the summary of the task.
    """
    found = leaderboard.tasks.get(task)
    return [f"{task}: {note.text}" for note in found.notes] if found else []


def row_notes(row: Row, shared: tuple[Note, ...]) -> str:
    """Write the label of a row, followed by the sentences of its notes.

    Args:
        row: the row, with its notes in their order.
        shared: notes that are left out here, because they are shown once for all rows.
    """
    return f"{row.regularizer}: {'; '.join(note.text for note in row.notes if not _elsewhere(note, shared))}"


def remarks(row: Row, shared: tuple[Note, ...]) -> list[Note]:
    """Select the notes of a row that say more than its columns.

    Args:
        row: the row, with its notes in their order.
        shared: notes that are left out here, because they are shown once for all rows.
    """
    return [note for note in row.notes if not _elsewhere(note, shared) and note.kind not in IN_COLUMNS]


def _elsewhere(note: Note, shared: tuple[Note, ...]) -> bool:
    return note in shared or note.kind in COLLECTED


def warnings(leaderboard: Leaderboard) -> tuple[Note, ...]:
    """Collect the warnings on several rows: cautions that they share, COLLECTED notes, and a differing environment."""
    notes = (note for row in leaderboard.rows for note in row.notes if note.kind not in COLLECTED)
    counts = Counter(note for note in notes if note.severity is Severity.CAUTION)
    differing = [key for key, value in leaderboard.environment.items() if isinstance(value, list)]
    common = (note for note, rows in counts.items() if rows > 1)
    return (*common, *collected(leaderboard), *map(_differs, differing))


def _differs(key: str) -> Note:
    text = f"the runs were made with more than one {NAMED.get(key, key)}"
    return caution(Kind.ENVIRONMENT_DIFFERS, text, key)


def environment_line(environment: Mapping[str, Any]) -> str:
    """Write the known values of an environment in one line."""
    known = {key: value for key, value in environment.items() if value is not None}
    return ", ".join(f"{key} {environment_value(value)}" for key, value in known.items())


_LASTS = f"the criterion held at {100 * LASTING:g}% or more of the evaluations in the next H epochs"
CROSSINGS = {
    "first": f"Times are those of the first crossing. lasting: the seeds with a crossing after which {_LASTS}, and the "
    "median of these crossings. H: the epochs of lasting grokking, see above.",
    "lasting": f"Times are those of the first crossing after which {_LASTS}. first: the median of the first crossing. "
    "H: the epochs of lasting grokking, see above.",
}
PLACE = "place: 1 + the number of methods that are significantly faster (Holm over all pairs of the task's methods)."


def legend(leaderboard: Leaderboard) -> list[str]:
    """Explain the columns and the signs in a leaderboard's tables, in paragraphs."""
    statistics, seeds = leaderboard.statistics, max((row.seeds for row in leaderboard.rows), default=0)
    lines = [
        "Speed-up: exp of the mean log ratio of baseline to method epochs over paired seeds, with its "
        f"{100 * statistics.confidence:g}% interval; >= and <=: one-sided bounds, because some seeds never grokked "
        "(the valid end of the interval is shown); ~: no valid bound, or too few seeds for one. "
        f"p: {named_test(statistics.primary, seeds)}. Times are capped at the budget, so a mean is a restricted mean "
        "(>= where a seed did not grok).",
    ]
    if any(row.deciding_test == "misses_last" for row in leaderboard.rows):
        lines[0] += f" Where a seed did not grok, p: {TESTS['misses_last']}."
    if statistics.interim_looks:
        name = f"{statistics.name_of_p[0].upper()}{statistics.name_of_p[1:]}"
        lines.append(
            f"{name}: allows for looks at {listed(statistics.interim_looks)} seeds (alpha spending by Lan and DeMets, "
            "of O'Brien and Fleming's type)."
        )
    if any(row.lasting is not None for row in leaderboard.rows):
        lines.append(CROSSINGS[statistics.rank_by])
    if any(row.place is not None for row in leaderboard.rows):
        lines.append(PLACE)
    if any(row.marks for row in leaderboard.rows):
        lines.append("*: another recipe than the task's own, see the notes.")
    if any(row.privileges for row in leaderboard.rows):
        lines.append("+: uses what the baseline does not have, see the notes.")
    if names := sorted({row.reference for row in leaderboard.rows if row.reference}):
        lines.append(f"@: other machine, from the reference {listed(names)}: compare epochs with it, not seconds.")
    if any(row.seconds_per_epoch is not None for row in leaderboard.rows):
        lines.append(
            "time: the baseline's mean seconds to grok divided by the method's; seconds per epoch are measured "
            "separately."
        )
    if leaderboard.source is not None:
        lines.append(f"Published: {leaderboard.source}.")
    return lines


def named_test(test: str, seeds: int) -> str:
    """Name a test. The sign-flip test is exact if the seeds are few enough to count all flips.

    Args:
        test: a key of TESTS.
        seeds: the number of pairs.
    """
    if test != "sign_flip":
        return TESTS[test]
    exact = seeds <= EXACT_PAIRS
    return f"exact {TESTS[test]}" if exact else f"{TESTS[test]}, by {MONTE_CARLO_DRAWS} random flips"


def wrap(text: str, width: int, hang: int = 0) -> list[str]:
    """Wrap text into lines; an empty text has none.

    Args:
        text: the text. Line breaks in it count as spaces, and other invisible characters are escaped.
        width: the largest number of characters in a line.
        hang: the number of spaces before all lines except the first; they count towards the width.
    """
    return textwrap.wrap(printable(text, keep="\n"), width, subsequent_indent=" " * hang, break_on_hyphens=False)


def _has_run(row: Row) -> bool:
    return row.grokked + row.censored + row.diverged + row.failed > 0


def environment_value(value: Any) -> str:
    """Write a value of the environment, or all values if it is a list because runs differ."""
    if isinstance(value, list):
        return " | ".join(map(environment_value, value))
    if isinstance(value, Mapping) and "commit" in value:
        return f"{str(value['commit'])[:10]}{' with uncommitted changes' if value.get('dirty') else ''}"
    return "unknown" if value is None else "yes" if value is True else str(value)
