"""Export of a results folder as tidy tables, with a page that describes every column."""

from collections.abc import Mapping
from pathlib import Path

from grokbench import __version__
from grokbench.io import atomic
from grokbench.judging.leaderboard import Leaderboard
from grokbench.report.export import leaderboard, runs
from grokbench.report.export.files import FORMATS, ready
from grokbench.report.export.readme import folder_page
from grokbench.store import Store

__all__ = ["PAGE", "export"]

PAGE = "README.md"


def export(
    store: Store, board: Leaderboard, folder: Path, format: str = "csv", force: bool = False
) -> Mapping[str, int]:
    """Write the tables `runs`, `curves` and `leaderboard`, and PAGE; the folder appears when all of them are complete.

    Unless the store is packed, one replica's curves are in memory at a time.

    Args:
        store: the results folder.
        board: the leaderboard of the folder.
        folder: a new folder for the tables.
        format: a key of FORMATS, "csv" or "parquet".
        force: replace an existing folder that holds only the files of an export.

    Returns:
        Name of a table -> its number of rows.

    Raises:
        SuiteError: the library that writes the format is not installed.
        StoreError: `folder` exists, or cannot be written.
    """
    ready(format)
    tables = (runs.runs(store), runs.curves(store), leaderboard.leaderboard(board))
    counts = {}
    written = {PAGE, *(f"{table.name}.{each}" for table in tables for each in FORMATS)}
    with atomic.new_folder(folder, replaces=written if force else ()) as unfinished:
        for table in tables:
            with atomic.writing(unfinished / f"{table.name}.{format}") as file:
                counts[table.name] = FORMATS[format](table, file)
        page = folder_page(store.manifest.suite, __version__, format, [(each, counts[each.name]) for each in tables])
        atomic.write(unfinished / PAGE, page.encode())
    return counts
