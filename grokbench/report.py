"""A leaderboard as text: for people (table, markdown, latex) and for programs (csv, json)."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from tabulate import tabulate

from grokbench.columns import columns
from grokbench.errors import SuiteError
from grokbench.prose import begun, by_task, environment_line, heading, legend, row_notes, warnings, wrap
from grokbench.ranking import Leaderboard, Row

__all__ = ["FORMATS", "NARROWEST", "as_json", "render"]

WIDTH = 120  # columns of a table for people
NARROWEST = 60  # columns of a terminal that a table is fitted to
MARKDOWN = {"\\": "\\\\", "|": "\\|", "*": "\\*", "`": "\\`", "<": "&lt;", "\n": " "}
LATEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "\n": " ",
}


def render(leaderboard: Leaderboard, format: str, width: int | None = None) -> str:
    """The leaderboard as text in one of FORMATS.

    `table` fits `width` columns (default 120): long labels are shortened in the middle, then the least needed
    columns left out; the other formats ignore it. Raises SuiteError for a format that does not exist.
    """
    if format not in FORMATS:
        raise SuiteError(f"There is no leaderboard format {format!r}; choose one of: {', '.join(FORMATS)}.")
    if format == "table":
        return _table(leaderboard, width or WIDTH)
    return FORMATS[format](leaderboard)


def as_json(leaderboard: Leaderboard) -> dict[str, Any]:
    """The leaderboard as JSON data: suite, baseline, environment, rows; what does not exist is None."""
    head = {"suite": leaderboard.suite, "baseline": leaderboard.baseline, "environment": dict(leaderboard.environment)}
    return head | {"rows": [asdict(row) for row in leaderboard.rows]}


def _table(leaderboard: Leaderboard, width: int = WIDTH) -> str:
    blocks = [wrap(f"{leaderboard.suite}: every method against {leaderboard.baseline}", width)]
    blocks[0] += wrap(environment_line(leaderboard.environment), width)
    shared = warnings(leaderboard)
    tasks, waiting = begun(leaderboard)
    for task, rows in tasks.items():
        shown = columns(rows, leaderboard).fit(width)
        lines = [shown.headers, ["-" * each for each in shown.widths], *shown.cells]  # tabulate would pad its headers
        text = tabulate(lines, tablefmt="plain", disable_numparse=True, colalign=shown.align)
        notes = [line for row in rows for line in wrap(row_notes(row, shared), width, hang=4)]
        blocks.append([heading(task, leaderboard), "", *text.splitlines(), "", *notes])
    blocks += [wrap(waiting, width)] if waiting else []
    blocks += [["Warnings", *(line for note in shared for line in wrap(f"- {note}", width, hang=2))]] if shared else []
    blocks.append([line for sentence in legend(leaderboard) for line in wrap(sentence, width)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _markdown(leaderboard: Leaderboard) -> str:
    blocks = [
        f"## {_escape(leaderboard.suite, MARKDOWN)}",
        _escape(environment_line(leaderboard.environment), MARKDOWN),
    ]
    shared = warnings(leaderboard)
    tasks, waiting = begun(leaderboard)
    for task, rows in tasks.items():
        shown = columns(rows, leaderboard)
        cells = [[_escape(cell, MARKDOWN) for cell in row] for row in shown.cells]
        text = tabulate(cells, shown.headers, tablefmt="pipe", disable_numparse=True, colalign=shown.align)
        notes = [f"- {_escape(row_notes(row, shared), MARKDOWN)}" for row in rows]
        blocks += [f"### {_escape(heading(task, leaderboard), MARKDOWN)}", text, "\n".join(notes)]
    blocks += [_escape(waiting, MARKDOWN)] if waiting else []
    blocks += ["\n".join(f"- **Warning:** {_escape(note, MARKDOWN)}" for note in shared)] if shared else []
    blocks.append(" ".join(_escape(sentence, MARKDOWN) for sentence in legend(leaderboard)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _latex(leaderboard: Leaderboard) -> str:
    """One booktabs tabular, tasks as groups; the notes as comments, for the caption's author."""
    groups = {task: columns(rows, leaderboard) for task, rows in by_task(leaderboard).items()}
    first = columns((), leaderboard)
    lines = ["% needs \\usepackage{booktabs}", f"\\begin{{tabular}}{{{''.join(side[0] for side in first.align)}}}"]
    lines += ["\\toprule", _latex_row(first.headers)]
    for task, shown in groups.items():
        title = _latex_cell(heading(task, leaderboard))
        lines += ["\\midrule", f"\\multicolumn{{{len(first.headers)}}}{{l}}{{\\emph{{{title}}}}} \\\\"]
        lines += [_latex_row(row) for row in shown.cells]
    lines += ["\\bottomrule", "\\end{tabular}"]
    lines += [f"% {' '.join(sentence.split())}" for sentence in [*legend(leaderboard), *warnings(leaderboard)]]
    lines += [f"% {row.task}, {' '.join(row_notes(row, ()).split())}" for row in leaderboard.rows]
    return "\n".join(lines) + "\n"


def _csv(leaderboard: Leaderboard) -> str:
    """One line a row with all keys; `final` as JSON, notes and privileges joined by "; ", None as nothing."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    for row in leaderboard.rows:
        joined = {"privileges": "; ".join(row.privileges), "notes": "; ".join(row.notes)}
        writer.writerow(asdict(row) | joined | {"final": json.dumps(dict(row.final), allow_nan=False)})
    return text.getvalue()


def _json(leaderboard: Leaderboard) -> str:
    return json.dumps(as_json(leaderboard), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Leaderboard], str]] = {
    "table": _table,
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
    "json": _json,
}


def _escape(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(char, char) for char in text)


def _latex_cell(text: str) -> str:
    return _escape(text, LATEX).replace("\\textgreater{}=", "$\\geq$").replace("\\textless{}=", "$\\leq$")


def _latex_row(cells: tuple[str, ...]) -> str:
    return " & ".join(_latex_cell(cell) for cell in cells) + " \\\\"
