"""A results folder as a folder of tidy tables, with a page that describes every column."""

from collections.abc import Mapping
from pathlib import Path

from grokbench import __version__
from grokbench.io import atomic
from grokbench.judging.ranking import Leaderboard
from grokbench.report.export import leaderboard, runs
from grokbench.report.export.files import FORMATS, ready
from grokbench.report.export.readme import folder_page
from grokbench.store import Store

__all__ = ["PAGE", "export"]

PAGE = "README.md"


def export(store: Store, board: Leaderboard, folder: Path, format: str = "csv") -> Mapping[str, int]:
    """Write the tables `runs`, `curves` and `leaderboard`, and PAGE, whole or not at all; how many rows each has.

    One replica's curves are in memory at a time, where the folder is not packed.

    Raises:
        SuiteError: what writes the format is not installed.
        StoreError: there is something at `folder` already, or it cannot be written.
    """
    ready(format)
    tables = (runs.runs(store), runs.curves(store), leaderboard.leaderboard(board))
    counts = {}
    with atomic.new_folder(folder) as unfinished:
        for table in tables:
            with atomic.writing(unfinished / f"{table.name}.{format}") as file:
                counts[table.name] = FORMATS[format](table, file)
        page = folder_page(store.manifest.suite, __version__, format, [(each, counts[each.name]) for each in tables])
        atomic.write(unfinished / PAGE, page.encode())
    return counts
