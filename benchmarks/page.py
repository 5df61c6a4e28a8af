"""The tables of the documentation, in Markdown, from documents that `python -m benchmarks --json` wrote.

`python -m benchmarks.page benchmarks/two_cores_speed.json benchmarks/two_cores_xor.json` prints a table of the parts
`speed` and `peers` of all these files, in their order. To add a column of `speed`, add an entry to COLUMNS.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import click

from benchmarks.tables import Row, compared, number, peers_table, ratios, spread, tabulated

__all__ = ["COLUMNS", "TABLES", "speed_table"]

FULL_SIZE = 40_000  # dimensions of XOR in the paper


def name(row: Row) -> str:
    """The task, and whether XOR has the size of the paper."""
    return row["task"] + (", full size" if row["task_parameters"].get("dimensions") == FULL_SIZE else "")


def rate(row: Row, competitor: str) -> str:
    return number(row["seed_epochs_per_second"][competitor])


def authors(row: Row) -> str:
    """The engine's speed relative to the authors' procedure; a dash if that was not measured."""
    return f"{median(ratios(row, 'engine', 'authors')):.0f}" if "authors" in row["rounds"] else "-"


COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "task": name,
    "method": lambda row: row["method"],
    "loop, seed-epochs per second": lambda row: rate(row, "loop"),
    "engine": lambda row: rate(row, "engine"),
    "engine : loop (lowest to highest)": lambda row: spread(ratios(row, "engine", "loop")),
    "engine : authors": authors,
    "engine : floor (no core idle)": lambda row: compared(row, "engine", "floor"),
}


def speed_table(rows: Sequence[Row]) -> str:
    """Format rows of the part `speed`."""
    return tabulated(list(COLUMNS), [[column(row) for column in COLUMNS.values()] for row in rows], "pipe")


TABLES: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "speed": speed_table,
    "peers": lambda rows: peers_table([{**row, "task": name(row)} for row in rows], "pipe"),
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(files: tuple[Path, ...]) -> None:
    """Print the tables of measured documents in Markdown."""
    documents = [json.loads(file.read_text()) for file in files]
    for part, table in TABLES.items():
        rows = [row for document in documents for row in document.get(part, [])]
        names = [name(row) for row in rows]
        if rows:
            click.echo(f"{table(sorted(rows, key=lambda row: names.index(name(row))))}\n")


if __name__ == "__main__":
    main()
