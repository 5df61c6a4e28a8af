"""The runs of a results folder, for Python: replicas by cell, and rows for a data frame. No torch."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from grokbench.errors import StoreError
from grokbench.records import Cell, Manifest, Outcome, Run
from grokbench.report.export import runs as tables
from grokbench.report.export.runs import MISSING
from grokbench.store import Store
from grokbench.store.status import count_replicas
from grokbench.text.lists import plural
from grokbench.text.suggest import did_you_mean

__all__ = ["Runs", "load_runs"]


def load_runs(folder: str | Path) -> "Runs":
    """Open the runs of a results folder; nothing is written, and torch is not imported.

    Args:
        folder: the folder of the results, such as `runs/quick`.

    Raises:
        StoreError: there is no such folder, it is no results folder, or its manifest is damaged.
    """
    return Runs(Store.load(folder))


class Runs:
    """The runs of a results folder.

    The plan is read once. A run is read from its file each time it is requested, so runs that are stored in the
    meantime are found.

    Attributes:
        store: the folder's files; internal, may change between versions.
    """

    def __init__(self, store: Store) -> None:
        """Make the object; use `load_runs` instead."""
        self.store = store

    @property
    def folder(self) -> Path:
        """The results folder."""
        return self.store.directory

    @property
    def manifest(self) -> Manifest:
        """The plan of the folder, with suite, baseline, cells, seeds, statistics and published numbers."""
        return self.store.manifest

    @property
    def suite(self) -> str:
        """The suite's name."""
        return self.manifest.suite

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every planned cell, in the order of the suite."""
        return self.manifest.cells

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every planned seed."""
        return self.manifest.seeds

    @property
    def tasks(self) -> tuple[str, ...]:
        """The labels of the tasks, in the order of the suite."""
        return tuple(dict.fromkeys(cell.task for cell in self.cells))

    @property
    def regularizers(self) -> tuple[str, ...]:
        """The labels of the regularizers, in the order of the suite."""
        return tuple(dict.fromkeys(cell.regularizer for cell in self.cells))

    def of(self, task: str, regularizer: str) -> list[Run]:
        """Read the stored runs of one cell, in the order of `seeds`, with their curves.

        Args:
            task: the label of the cell's task.
            regularizer: the label of the cell's regularizer.

        Returns:
            A `Run` for each replica that was trained.

        Raises:
            StoreError: no such cell is planned.
        """
        for cell in self.cells:
            if cell.key == (task, regularizer):
                return self.store.runs_of(cell, self.seeds, curves=True)
        for skip in self.manifest.skipped:
            if (skip.task, skip.regularizer) == (task, regularizer):
                raise StoreError(f"{self.folder} leaves out {task} / {regularizer}: {skip.why}")
        _known(f"{self.folder} plans no task", task, self.tasks)
        _known(f"{self.folder} plans no regularizer", regularizer, self.regularizers)
        raise StoreError(f"{self.folder} plans {task} and {regularizer}, but not this regularizer on this task")

    def rows(self) -> list[dict[str, Any]]:
        """Return a dict for each planned replica, all with the same keys, for `pandas.DataFrame(runs.rows())`.

        The keys are those of the table `runs` of `grokbench export`, and its page describes them all: `task`,
        `regularizer`, `seed`, `outcome` (the run's outcome, or "missing"), `grokked_at`, `time`, `event`,
        `final_METRIC` (the value of a metric at the last evaluation), and more. A missing value is None.
        """
        table = tables.runs(self.store)
        return [dict(zip(table.names, row, strict=True)) for row in table.rows()]

    def curves(self, metric: str) -> Iterator[dict[str, Any]]:
        """Iterate over the evaluations of a metric, for `pandas.DataFrame(runs.curves("test_accuracy"))`.

        There may be millions of evaluations, so they are read one run at a time.

        Args:
            metric: the label of the metric.

        Returns:
            Dicts with the keys `task`, `regularizer`, `seed`, `metric`, `epoch` and `value`.

        Raises:
            StoreError: no cell records the metric.
        """
        metrics = dict.fromkeys(label for cell in self.cells for label in cell.metrics)
        _known(f"{self.folder} records no metric", metric, metrics)
        names = [column.name for column in tables.CURVES]
        return (dict(zip(names, point, strict=True)) for point in tables.points(self.store, [metric]))

    def __repr__(self) -> str:
        """Name the suite and the folder, and count the planned replicas by outcome."""
        counts = count_replicas(self.store)
        words = ", ".join(f"{counts[key]} {key}" for key in (*Outcome, MISSING) if counts[key])
        cells, seeds = plural(len(self.cells), "cell"), plural(len(self.seeds), "seed")
        return f"<Runs of {self.suite} in {self.folder}: {cells} x {seeds}; {words}>"


def _known(complaint: str, label: str, labels: Collection[str]) -> None:
    """Raise StoreError if a label is unknown; the message names the most similar label."""
    if label not in labels:
        raise StoreError(f"{complaint} {label!r}, expected one of: {', '.join(labels)}{did_you_mean(label, labels)}")
