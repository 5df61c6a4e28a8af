"""Descriptions of the columns of tidy tables in Markdown, for an exported folder and for the documentation."""

from collections.abc import Sequence

from tabulate import tabulate

from grokbench.report.export.leaderboard import ABOUT, row_columns
from grokbench.report.export.runs import ABOUT_CURVES, ABOUT_RUNS, CURVES, run_columns
from grokbench.report.export.tidy import Column, Table
from grokbench.text.escape import markdown

__all__ = ["READING", "folder_page", "reference_page"]

READING = {
    "csv": (
        "Comma-separated UTF-8 under one line of names; lines end in CR LF, and a field with a comma, a quote or a "
        "line break stands in quotes. An empty field is no value; `nan`, `inf` and `-inf` are values. A number has the "
        "digits that give back its 64 bits, to a reader that rounds exactly (pandas: `float_precision='round_trip'`, "
        "and `keep_default_na=False, na_values=['']` to tell nan from nothing). Booleans are `true` and `false`. "
        "Characters of text that are not visible are escaped (`\\u202e`). An apostrophe stands before text that begins "
        "with `=`, `+`, `-` or `@`, which a spreadsheet would calculate."
    ),
    "parquet": (
        "Text is `string`, integer `int64`, number `double`, boolean `bool`. Null is no value; nan and inf are values. "
        "The schema holds the description and the unit of each column."
    ),
}
HEADERS = ("column", "type", "unit", "what it holds", "empty where")
ANY = ("METRIC",)  # placeholder for a metric's label, which depends on the suite


def folder_page(suite: str, version: str, format: str, tables: Sequence[tuple[Table, int]]) -> str:
    """Write the page of an exported folder.

    Args:
        suite: the name of the suite.
        version: the version of grokbench.
        format: the format of the tables, a key of READING.
        tables: each table with the number of its rows.

    Returns:
        Markdown.
    """
    title = f"# The suite {markdown(suite)} as tables\n\nWritten by `grokbench export`, version {version}."
    files = "\n".join(f"- `{table.name}.{format}`, rows: {rows}. {table.about}" for table, rows in tables)
    parts = [_section(f"{table.name}.{format}", table.about, table.columns) for table, _ in tables]
    return "\n\n".join([title, files, READING[format], *parts]) + "\n"


def reference_page() -> str:
    """Write the page of the documentation that describes the columns, for any suite, in Markdown."""
    lead = "What `grokbench export` writes. `final_METRIC` stands for one column per metric that the suite records."
    parts = [
        _section("runs", ABOUT_RUNS, run_columns(ANY)),
        _section("curves", ABOUT_CURVES, CURVES),
        _section("leaderboard", ABOUT, row_columns(ANY)),
    ]
    formats = [f"## {name}\n\n{text}" for name, text in READING.items()]
    return "\n\n".join(["# Columns of exported tables", lead, *parts, *formats]) + "\n"


def _section(name: str, about: str, columns: Sequence[Column]) -> str:
    cells = [[markdown(each.name), each.kind, each.unit, each.meaning, each.empty] for each in columns]
    return f"## {name}\n\n{about}\n\n{tabulate(cells, HEADERS, tablefmt='pipe', disable_numparse=True)}"
