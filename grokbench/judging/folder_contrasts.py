"""The records of a comparison of two results folders: seed by seed, cell by cell, and as a whole."""

from dataclasses import dataclass

from grokbench.judging.conclusions import Conclusion
from grokbench.judging.differences import UNLIKE, Difference
from grokbench.judging.note import Note
from grokbench.judging.row import Row
from grokbench.records import Outcome

__all__ = ["FolderContrast", "FolderContrasts", "SeedPair"]


@dataclass(frozen=True)
class SeedPair:
    """A seed whose outcomes or epochs differ between the folders.

    Attributes:
        seed: of both replicas.
        outcomes: in A and in B.
        epochs: min(T, B) in A and in B.
    """

    seed: int
    outcomes: tuple[Outcome, Outcome]
    epochs: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class FolderContrast:
    """One cell in both folders.

    Attributes:
        task: its label in both.
        regularizer: its label in both.
        differences: of recipes, budgets and plugin sources; none where the cells are the same.
        seeds: how many finished in both.
        differing: the seeds among them that differ.
        a: the row of the leaderboard of A.
        b: that of B.
        conclusions: of A and of B, against the baseline of the same folder; None where nothing can be concluded.
        ratio: exp of the mean log ratio of A's epochs to B's: above 1, the cell groks sooner in B.
        ratio_low: lower end of its interval.
        ratio_high: upper end of its interval.
        bound: what seeds that did not grok make of the ratio: lower, upper, mixed; None without such seeds.
        p: of that ratio.
        test: the name of the test: sign_flip, or misses_last where a seed did not grok. None without a p.
        untested: why there is no ratio; None where there is one.
    """

    task: str
    regularizer: str
    differences: tuple[Difference, ...]
    seeds: int
    differing: tuple[SeedPair, ...]
    a: Row
    b: Row
    conclusions: tuple[Conclusion | None, Conclusion | None]
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    bound: str | None = None
    p: float | None = None
    test: str | None = None
    untested: Note | None = None

    @property
    def agree(self) -> bool | None:
        """True if both folders conclude the same; None where one of them concludes nothing."""
        return None if None in self.conclusions else self.conclusions[0] == self.conclusions[1]

    @property
    def largest(self) -> SeedPair | None:
        """The seed whose epochs differ most."""
        return max(self.differing, key=lambda pair: abs(pair.epochs[1] - pair.epochs[0]), default=None)


@dataclass(frozen=True, kw_only=True)
class FolderContrasts:
    """Two folders, A and B.

    Attributes:
        folders: their paths.
        suites: the names of their suites.
        differences: of the whole folders.
        cells: the cells that both have.
        alone: the names of cells that only A, and only B has.
        needed: the fewest seeds at which A, and B, can conclude anything.
        planned: how many seeds A, and B, plans.
    """

    folders: tuple[str, str]
    suites: tuple[str, str]
    differences: tuple[Difference, ...]
    cells: tuple[FolderContrast, ...]
    alone: tuple[tuple[str, ...], tuple[str, ...]]
    needed: tuple[int, int]
    planned: tuple[int, int]

    @property
    def unlike(self) -> tuple[str, ...]:
        """The differences across which no test is made."""
        return tuple(difference.what for difference in self.differences if difference.what in UNLIKE)
