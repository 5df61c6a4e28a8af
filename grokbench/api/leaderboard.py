"""The leaderboard of a results folder as Python shows it: a table in a notebook, text anywhere else."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.api.runs import Runs, load_runs
from grokbench.judging import ranking
from grokbench.judging.ordering import arranged
from grokbench.report.text import NARROWEST, render
from grokbench.report.text.markup import fragment
from grokbench.runner import pipeline
from grokbench.store.status import complaints

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

__all__ = ["Leaderboard", "leaderboard"]


class Leaderboard(ranking.Leaderboard):
    """A leaderboard that a notebook or a terminal can display; `str` returns the table of the command, without curves.

    Attributes:
        suite: the suite's name.
        baseline: the label of the regularizer against which the others are tested.
        environment: device, precision and versions of the runs.
        rows: one row for each cell, skipped cells included. A row's fields are the keys of
            `grokbench leaderboard --format json`.
        skipped: the cells left out, with the reason.
        tasks: task label -> budget, cadence and delay.
        seeds: the planned seeds.
        comparisons: the number of planned comparisons.
        families: the sizes of the families over which p is corrected.
        statistics: how the cells are compared with the baseline.
        source: the publication of the published numbers. None: the suite has none.
    """

    def __str__(self) -> str:
        """Return the command's table, 120 characters wide, without curves."""
        return render(arranged(self), "table")

    def __repr__(self) -> str:
        """Return the table that `str` returns, for a prompt."""
        return str(self)

    def _repr_html_(self) -> str:
        return fragment(arranged(self))

    def _repr_markdown_(self) -> str:
        return render(arranged(self), "markdown")

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        """Yield the table, as wide as the console."""
        from rich.text import Text

        yield Text(render(arranged(self), "table", max(NARROWEST, options.max_width)))


def leaderboard(runs: Runs | str | Path) -> Leaderboard:
    """Judge the runs of a results folder; torch is not imported.

    A damaged file counts as missing; a warning names it.

    Args:
        runs: the folder, or the `Runs` that `load_runs` or `run` returned.

    Raises:
        StoreError: there is no such folder, it is no results folder, or its manifest is damaged.
    """
    store = (runs if isinstance(runs, Runs) else load_runs(runs)).store
    judged = Leaderboard(**vars(pipeline.judge(store)))
    for sentence in complaints(store):
        warnings.warn(sentence, stacklevel=2)
    return judged
