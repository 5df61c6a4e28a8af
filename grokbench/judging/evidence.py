"""The data behind figures and the report: the leaderboard of a folder, its costs, and bands of its curves over seeds.

Every run is read once, one cell at a time, and only bands of its curves are kept, so that hundreds of long runs fit
into memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from grokbench.judging.bands import Band, band
from grokbench.judging.comparison import Comparison, Comparisons, compare
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.ordering import arranged, is_large, leading, methods
from grokbench.judging.ranking import rank
from grokbench.judging.row import Row
from grokbench.judging.seconds import Cost, costs
from grokbench.records import Cell, Manifest, Outcome, Run
from grokbench.store import Store
from grokbench.store.status import complaints
from grokbench.text.lists import plural

__all__ = ["Evidence", "gather"]


@dataclass(frozen=True)
class Evidence:
    """A results folder, judged.

    Attributes:
        leaderboard: the leaderboard of the folder.
        comparisons: the comparisons behind the rows.
        costs: (task, regularizer) -> cost in seconds; timed cells only.
        bands: (task, regularizer) -> metric -> band of its curves; the train and test accuracies come first.
        folder: the path of the folder.
        complaints: a sentence for each damaged file, and one if curves are missing.
    """

    leaderboard: Leaderboard
    comparisons: Comparisons
    costs: Mapping[tuple[str, str], Cost]
    bands: Mapping[tuple[str, str], Mapping[str, Band]]
    folder: str = ""
    complaints: tuple[str, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """The plan of the folder."""
        return self.comparisons.manifest

    @property
    def tasks(self) -> list[str]:
        """The tasks with at least one replica that has run, in the order of the suite."""
        return list(dict.fromkeys(each.measured.cell.task for each in self._begun()))

    @cached_property
    def methods(self) -> list[str]:
        """The labels of all planned regularizers: first the baseline, then the others in the order of the suite.

        If there are more than LARGE, the others begin with those that lead.
        """
        return leading(self.leaderboard) if is_large(self.leaderboard) else methods(self.leaderboard)

    def of(self, task: str) -> list[Comparison]:
        """Select the cells of a task with at least one replica that has run, in the order of `methods`."""
        mine = [each for each in self._begun() if each.measured.cell.task == task]
        return sorted(mine, key=lambda each: self.methods.index(each.measured.cell.regularizer))

    def rows(self, task: str) -> list[Row]:
        """Select the rows of a task, in the order in which a leaderboard shows them."""
        return [row for row in arranged(self.leaderboard, tasks=[task]).rows if row.task == task]

    def metrics(self, task: str) -> list[str]:
        """List the metrics that at least one replica of a task recorded."""
        return list(dict.fromkeys(label for each in self.of(task) for label in self.curves(task, each)))

    def curves(self, task: str, each: Comparison) -> Mapping[str, Band]:
        """Look up the bands of one cell."""
        return self.bands.get((task, each.measured.cell.regularizer), {})

    def _begun(self) -> Iterator[Comparison]:
        return (each for each in self.comparisons.cells if any(each.measured.runs))


def gather(store: Store) -> Evidence:
    """Read and judge a results folder; damaged files count as missing."""
    runs: list[Run] = []
    bands, without = {}, 0
    for cell in store.manifest.cells:
        full = store.runs_of(cell, store.manifest.seeds, curves=True)
        bands[cell.key] = _bands(cell, full)
        runs += [replace(run, curves={}) for run in full]
        without += sum(run.outcome is not Outcome.FAILED and not run.curves for run in full) if cell.metrics else 0
    found = compare(store.manifest, runs, store.timings(), store.run_of, store.history())
    priced = {(cost.task, cost.regularizer): cost for cost in costs(found)}
    sentences = [*complaints(store), *_without_curves(without, len(runs))]
    return Evidence(rank(found), found, priced, bands, str(store.directory), tuple(sentences))


def _without_curves(without: int, runs: int) -> Iterator[str]:
    """Warn of missing curves, because a chart of some seeds could be mistaken for one of all seeds."""
    if without:
        yield f"the curves of {without} of {plural(runs, 'replica')} are missing: charts over epochs leave those out."


def _bands(cell: Cell, runs: list[Run]) -> dict[str, Band]:
    """Compute the bands of all metrics that runs recorded, in the order of the cell's metrics."""
    labels = dict.fromkeys([*cell.metrics, *(label for run in runs for label in run.curves)])
    found = {label: band(runs, label) for label in labels}
    return {label: each for label, each in found.items() if each is not None}
