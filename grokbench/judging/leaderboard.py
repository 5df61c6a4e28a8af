"""A leaderboard: the rows of a suite, the pairs of its methods, and their means over tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grokbench.judging.aggregate import Aggregate
from grokbench.judging.pairs import Pair
from grokbench.judging.row import Row
from grokbench.judging.task_summary import TaskSummary
from grokbench.records import Skip, Statistics

__all__ = ["Leaderboard"]


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """The rows of a suite.

    Attributes:
        suite: the name of the suite.
        baseline: the label of the method with which the others are compared.
        environment: key of provenance -> its value, or a list if runs differ; None if unknown.
        rows: a row per planned cell, and one per skipped cell; the rows of a task stand together.
        skipped: the cells that the suite leaves out; the note of their row says why.
        tasks: label of a task -> its summary: budget, cadence and delay.
        seeds: the planned seeds.
        comparisons: the number of planned comparisons.
        families: the sizes of the families over which p is corrected, in the order of their declaration.
        statistics: the tests of the suite.
        source: the source of the published numbers, if there are any.
        pairs: the comparisons between the methods of each task.
        aggregate: the speed-up of each method over all tasks; empty for a suite of one task.
        protocol: the name of the frozen rules that the suite follows; empty if it names none.
    """

    suite: str
    baseline: str
    environment: Mapping[str, Any]
    rows: tuple[Row, ...]
    skipped: tuple[Skip, ...] = ()
    tasks: Mapping[str, TaskSummary] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    comparisons: int = 0
    families: tuple[int, ...] = ()
    statistics: Statistics = Statistics()
    source: str | None = None
    pairs: tuple[Pair, ...] = ()
    aggregate: tuple[Aggregate, ...] = ()
    protocol: str = ""

    @property
    def title(self) -> str:
        """The name of the suite, followed by that of its protocol if it names one."""
        return f"{self.suite} (protocol {self.protocol})" if self.protocol else self.suite
