"""A leaderboard as text: for people (table, markdown, latex) and for programs (csv, json).

Other modules here write the output of `compare`, `power` and `seconds`, and a leaderboard in a notebook (`markup`).
`grokbench.report.html` writes the page of `grokbench report`.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

from tabulate import tabulate

from grokbench.errors import SuiteError
from grokbench.judging.best import best, rule
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.marks import mark_text
from grokbench.judging.row import Row
from grokbench.report.text.latex import tables
from grokbench.report.text.over_tasks import HEADING, over_tasks, over_tasks_legend
from grokbench.report.text.prose import begun, environment_line, heading, legend, warnings, wrap
from grokbench.report.text.said_once import notes_of_methods, notes_of_task
from grokbench.report.text.sparklines import Sparklines
from grokbench.report.text.table import Columns, columns, contrasts
from grokbench.text.escape import UNICODE_CHAR, csv_cell, latex_prose, markdown

__all__ = ["FORMATS", "NARROWEST", "as_json", "render", "render_text"]

SCHEMA_VERSION = 4  # version of the JSON; it is raised when keys are added, and keys never change their meaning
WIDTH = 120  # width of a table for people, in characters
NARROWEST = 60  # the narrowest terminal to which a table is fitted, in characters


def render(
    leaderboard: Leaderboard, format: str, width: int | None = None, sparklines: Sparklines | None = None
) -> str:
    """Write a leaderboard as text.

    Args:
        leaderboard: the leaderboard.
        format: one of FORMATS.
        width: the width of a `table` in characters, by default 120; other formats ignore it. If a table is wider, its
            long labels are shortened in the middle, and then its least needed columns are left out.
        sparklines: the curves that a `table` shows below the rows of their task. Other formats ignore them.

    Raises:
        SuiteError: there is no such format.
    """
    if format not in FORMATS:
        raise SuiteError(f"There is no leaderboard format {format!r}; choose one of: {', '.join(FORMATS)}.")
    if format == "table":
        return _table(leaderboard, width or WIDTH, sparklines)
    return FORMATS[format](leaderboard)


def render_text(paragraphs: Sequence[str], format: str) -> str:
    """Write running text.

    Args:
        paragraphs: the paragraphs, plain text.
        format: `table` for wrapped lines, `latex` for wrapped and escaped lines, `markdown` for one line per paragraph.

    Raises:
        SuiteError: the format is one for numbers, such as csv.
    """
    if format not in TEXTS:
        raise SuiteError(f"There is no methods text in the format {format!r}; choose one of: {', '.join(TEXTS)}.")
    text = "\n\n".join(map(TEXTS[format], paragraphs)) + "\n"
    return f"{UNICODE_CHAR}\n{text}" if format == "latex" and "\\unicodechar" in text else text


def as_json(leaderboard: Leaderboard) -> dict[str, Any]:
    """Convert a leaderboard to JSON data, as described in `docs/export.md`; a value that does not exist is None."""
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": leaderboard.suite,
        "protocol": leaderboard.protocol or None,
        "baseline": leaderboard.baseline,
        "environment": dict(leaderboard.environment),
        "seeds": list(leaderboard.seeds),
        "statistics": _statistics(leaderboard),
        "tasks": {task: summary.as_dict() for task, summary in leaderboard.tasks.items()},
        "rows": [row.as_dict() for row in leaderboard.rows],
        "pairs": [pair.as_dict() for pair in leaderboard.pairs],
        "aggregate": [mean.as_dict() for mean in leaderboard.aggregate],
    }


def _statistics(leaderboard: Leaderboard) -> dict[str, Any]:
    sizes = {"comparisons": leaderboard.comparisons, "families": list(leaderboard.families)}
    return asdict(leaderboard.statistics) | sizes


def _table(leaderboard: Leaderboard, width: int = WIDTH, sparklines: Sparklines | None = None) -> str:
    blocks = [wrap(f"{leaderboard.title}: every method against {leaderboard.baseline}", width)]
    blocks[0] += wrap(environment_line(leaderboard.environment), width)
    shared = warnings(leaderboard)
    tasks, waiting = begun(leaderboard)
    for task, rows in tasks.items():
        said = notes_of_task(task, rows, leaderboard, shared)
        notes = [line for text in said for line in wrap(text, width, hang=4)]
        table = [*columns(rows, leaderboard).fit(width).lines(), ""]
        table += [*curves, ""] if sparklines and (curves := sparklines.lines(task, width)) else []
        blocks.append([*wrap(heading(task, leaderboard), width), "", *table, *notes])
        if more := contrasts(rows, leaderboard):
            blocks.append(more.fit(width).lines())
    if means := over_tasks(leaderboard):
        said = [line for sentence in over_tasks_legend(leaderboard) for line in wrap(sentence, width)]
        blocks.append([HEADING, "", *means.fit(width).lines(), "", *said])
    blocks += [wrap(waiting, width)] if waiting else []
    of_methods = [line for text in notes_of_methods(leaderboard) for line in wrap(text, width, hang=4)]
    blocks += [["Methods", *of_methods]] if of_methods else []
    blocks += [["Warnings", *(line for note in shared for line in wrap(f"- {note}", width, hang=2))]] if shared else []
    blocks.append([line for sentence in legend(leaderboard) for line in wrap(sentence, width)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _markdown(leaderboard: Leaderboard) -> str:
    blocks = [f"## {markdown(leaderboard.title)}", markdown(environment_line(leaderboard.environment))]
    shared, bold = warnings(leaderboard), rule(leaderboard.baseline, leaderboard.statistics)
    tasks, waiting = begun(leaderboard)
    for task, rows in tasks.items():
        said = notes_of_task(task, rows, leaderboard, shared)
        notes = [f"- {markdown(text)}" for text in said]
        blocks += [f"### {markdown(heading(task, leaderboard))}", _pipes(rows, leaderboard), "\n".join(notes)]
        more = contrasts(rows, leaderboard)
        blocks += [_piped(more, _escaped(more))] if more else []
    if means := over_tasks(leaderboard):
        explained = " ".join(map(markdown, over_tasks_legend(leaderboard)))
        blocks += [f"### {HEADING}", _piped(means, _escaped(means)), explained]
    blocks += [markdown(waiting)] if waiting else []
    blocks.append("\n".join(f"- {markdown(text)}" for text in notes_of_methods(leaderboard)))
    blocks += ["\n".join(f"- **Warning:** {markdown(note.text)}" for note in shared)] if shared else []
    blocks.append(" ".join(map(markdown, [*legend(leaderboard), bold])))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _pipes(rows: tuple[Row, ...], leaderboard: Leaderboard) -> str:
    """Write the table of one task in Markdown, with its significantly best rows in bold."""
    shown, bold = columns(rows, leaderboard), best(rows)
    cells = _escaped(shown)
    for row, line in zip(rows, cells, strict=True):
        for i, head in enumerate(shown.heads):
            if row in bold and head.strong:
                line[i] = f"**{line[i]}**"
    return _piped(shown, cells)


def _escaped(shown: Columns) -> list[list[str]]:
    return [list(map(markdown, line)) for line in shown.cells]


def _piped(shown: Columns, cells: Sequence[Sequence[str]]) -> str:
    return tabulate(cells, shown.headers, tablefmt="pipe", disable_numparse=True, colalign=shown.align)


def _csv(leaderboard: Leaderboard) -> str:
    """Write one line per row: a column `final_METRIC` for each metric, lists joined by "; ", None as nothing.

    Text is escaped so that a spreadsheet shows it and does not calculate with it (`csv_cell`).
    """
    text = io.StringIO()
    metrics = dict.fromkeys(label for row in leaderboard.rows for label in row.final)
    names = [field.name for field in fields(Row) if field.name != "final"] + [f"final_{label}" for label in metrics]
    writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
    writer.writerow({name: csv_cell(name) for name in names})
    for row in leaderboard.rows:
        joined = {name: getattr(row, name) for name in ("privileges", "unverified_data")}
        joined |= {"notes": row.sentences, "marks": map(mark_text, row.marks)}
        joined["comparisons"] = tuple(each.note.text for each in row.comparisons)
        for name in ("worst", "published_metrics"):
            joined[name] = tuple(f"{label} {value:g}" for label, value in getattr(row, name).items())
        cells = row.as_dict() | {name: "; ".join(texts) for name, texts in joined.items()}
        cells |= {f"final_{label}": value for label, value in row.final.items()}
        writer.writerow({name: csv_cell(cell) if isinstance(cell, str) else cell for name, cell in cells.items()})
    return text.getvalue()


def _json(leaderboard: Leaderboard) -> str:
    return json.dumps(as_json(leaderboard), indent=2, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Leaderboard], str]] = {
    "table": _table,
    "markdown": _markdown,
    "latex": tables,
    "csv": _csv,
    "json": _json,
}
TEXTS: dict[str, Callable[[str], str]] = {
    "table": lambda text: "\n".join(wrap(text, WIDTH)),
    "markdown": markdown,
    "latex": lambda text: "\n".join(map(latex_prose, wrap(text, WIDTH))),
}
