"""A suite of the open leaderboard with its results, as far as there are any: rows, and ratios of any two rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from claims.verdicts import Measured
from grokbench.judging.comparison import Comparison, Comparisons, compare
from grokbench.judging.conclusions import Conclusion
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.note import Kind
from grokbench.judging.power import needs
from grokbench.judging.ranking import rank
from grokbench.judging.row import Row
from grokbench.judging.row_comparison import RowComparison
from grokbench.judging.sample_size import Aim
from grokbench.store import Store
from grokbench.suite import Suite, load_suite

__all__ = ["POWER", "Board", "finished"]

POWER = 0.8  # the probability with which a number of seeds has to detect a ratio
Key = tuple[str, str]  # the labels of a task and of a method


@dataclass(frozen=True)
class Board:
    """A suite, and the results folder of the same name if it exists.

    Attributes:
        name: the name of the suite and of the folder.
        results: the folder of results folders.
    """

    name: str
    results: Path

    @cached_property
    def suite(self) -> Suite:
        """The shipped suite, which says what is planned as long as there is no folder."""
        return load_suite(self.name)

    @cached_property
    def compared(self) -> Comparisons | None:
        """The comparisons of the folder; None without a folder."""
        if not (self.results / self.name / "manifest.json").exists():
            return None
        store = Store.load(self.results / self.name)
        return compare(store.manifest, store.runs(), store.timings(), store.run_of, store.history())

    @cached_property
    def leaderboard(self) -> Leaderboard | None:
        """The leaderboard of the folder, as the command `leaderboard` shows it; None without a folder."""
        return rank(self.compared) if self.compared else None

    @cached_property
    def cells(self) -> Mapping[Key, Comparison]:
        """The cells of the folder, each with its comparison."""
        return {each.measured.cell.key: each for each in self.compared.cells} if self.compared else {}

    @cached_property
    def rows(self) -> Mapping[Key, Row]:
        """The rows of the folder; none for cells that the suite leaves out."""
        found = self.leaderboard.rows if self.leaderboard else ()
        return {(row.task, row.regularizer): row for row in found if row.seeds}

    @cached_property
    def planned(self) -> list[Key]:
        """The planned cells: those of the folder, or without a folder those of the suite."""
        if self.compared:
            return list(self.cells)
        skipped = {(skip.task, skip.regularizer) for skip in self.suite.skip}
        every = [(task.label, method.label) for task in self.suite.tasks for method in self.suite.regularizers]
        return [key for key in every if key not in skipped]

    @property
    def tuned(self) -> bool:
        """True if the settings are tuned."""
        return self.name.endswith("-tuned")

    @property
    def tasks(self) -> list[str]:
        """The labels of the tasks."""
        return list(dict.fromkeys(task for task, _ in self.planned))

    @property
    def seeds(self) -> int:
        """The number of seeds that the suite declares."""
        return len(self.compared.manifest.full_seeds if self.compared else self.suite.seeds)

    @property
    def baseline(self) -> str:
        """The label of the method with which the others are compared."""
        return self.compared.manifest.baseline if self.compared else self.suite.baseline

    def measured(self, task: str, method: str, against: str = "") -> Measured | None:
        """Return the ratio of a row and its reference; None without results.

        Args:
            task: the label of the task.
            method: the label of the method.
            against: the label of the reference; empty for the baseline.
        """
        row, reference = self.rows.get((task, method)), self.rows.get((task, against or self.baseline))
        if row is None or reference is None:
            return None
        done = min(finished(row), finished(reference))
        found = Measured(self.seeds, done, (row.grokked, reference.grokked))
        if not against:
            return _with_ratio(found, row, row.p(self._leaderboard.statistics), row.conclusion)
        return next((self._contrast(found, each) for each in row.comparisons if each.other == against), found)

    def _contrast(self, found: Measured, each: RowComparison) -> Measured:
        facts = each.note.facts if each.note.kind is Kind.COMPARED_TO and len(each.note.facts) > 1 else (None, None)
        concluded = Conclusion(str(facts[1])) if facts[1] else None
        return _with_ratio(found, each, each.deciding_p(self._leaderboard.statistics), concluded)

    def seeds_needed(self, task: str, method: str, against: str, ratio: float) -> int | None:
        """Estimate the seeds that detect a ratio with probability POWER; None if it is not known, or beyond 1000.

        Args:
            task: the label of the task.
            method: the label of the method.
            against: the label of the reference; empty for the baseline.
            ratio: the ratio, above 1.
        """
        if self.compared is None:
            return None
        manifest = self.compared.manifest
        pair = replace(self.cells[task, method], baseline=self.cells[task, against or self.baseline].measured)
        aim = Aim(ratio, POWER, self.seeds, manifest.tests, manifest.statistics.alpha)
        return next(needs(replace(self.compared, cells=(pair,)), aim)).seeds

    @property
    def _leaderboard(self) -> Leaderboard:
        assert self.leaderboard is not None
        return self.leaderboard


def finished(row: Row) -> int:
    """Count the seeds of a row with a result."""
    return row.grokked + row.censored + row.diverged


def _with_ratio(found: Measured, row: Row | RowComparison, p: float | None, concluded: Conclusion | None) -> Measured:
    """Return the same seeds with the ratio of a row, without an end of the interval that censoring makes invalid."""
    bound = row.speedup_bound
    return replace(
        found,
        speedup=row.speedup,
        low=row.speedup_low if bound in (None, "lower") else None,
        high=row.speedup_high if bound in (None, "upper") else None,
        bound=bound,
        conclusion=concluded,
        p=p,
    )
