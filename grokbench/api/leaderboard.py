"""The leaderboard of a results folder as Python shows it: a table in a notebook, text anywhere else."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.api.runs import Runs, load_runs
from grokbench.judging import ranking
from grokbench.report.text import NARROWEST, render
from grokbench.report.text.markup import fragment
from grokbench.runner import pipeline
from grokbench.store.status import complaints

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

__all__ = ["Leaderboard", "leaderboard"]


class Leaderboard(ranking.Leaderboard):
    """A leaderboard that shows itself. `rows` holds a `Row` per cell, `str` the table that the command prints."""

    def __str__(self) -> str:
        """The table, 120 characters wide."""
        return render(self, "table")

    def __repr__(self) -> str:
        """The same: what a prompt shows."""
        return str(self)

    def _repr_html_(self) -> str:
        return fragment(self)

    def _repr_markdown_(self) -> str:
        return render(self, "markdown")

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        """The table, as wide as the console."""
        from rich.text import Text

        yield Text(render(self, "table", max(NARROWEST, options.max_width)))


def leaderboard(runs: Runs | str | Path) -> Leaderboard:
    """The leaderboard of a results folder, or of what `load_runs` or `run` returned; torch is not imported.

    Damaged files count as not there, and are told in a warning each.

    Raises:
        StoreError: there is no such folder, it is no results folder, or its manifest is damaged.
    """
    store = (runs if isinstance(runs, Runs) else load_runs(runs)).store
    judged = Leaderboard(**vars(pipeline.judge(store)))
    for sentence in complaints(store):
        warnings.warn(sentence, stacklevel=2)
    return judged
