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
    """A seed whose outcomes or epochs differ between the folders A and B.

    Attributes:
        seed: the seed of both replicas.
        outcomes: the outcomes in A and in B.
        epochs: the epochs to grok (the budget, if the replica did not grok) in A and in B.
    """

    seed: int
    outcomes: tuple[Outcome, Outcome]
    epochs: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class FolderContrast:
    """One cell in both folders, A and B.

    Attributes:
        task: the label of the task in both folders.
        regularizer: the label of the regularizer in both folders.
        differences: the differences of recipes, budgets and plugin sources; empty if the cells are the same.
        seeds: the number of seeds that finished in both folders.
        differing: those of these seeds whose outcomes or epochs differ.
        a: the row of A's leaderboard.
        b: the row of B's leaderboard.
        conclusions: the conclusions of A and of B, against the baseline of the same folder; None if nothing can be
            concluded.
        ratio: exp of the mean log ratio of A's epochs to B's: above 1, the cell groks sooner in B.
        ratio_low: lower end of the interval of `ratio`.
        ratio_high: upper end of the interval of `ratio`.
        bound: lower, upper or mixed if seeds that did not grok make the ratio a bound; otherwise None.
        p: the p of the test that the ratio is 1.
        test: the name of the test: sign_flip, or misses_last if a seed did not grok. None without a p.
        untested: why there is no ratio; None if there is one.
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
        """True if the conclusions of both folders are the same; None if one of them has none."""
        return None if None in self.conclusions else self.conclusions[0] == self.conclusions[1]

    @property
    def largest(self) -> SeedPair | None:
        """The seed whose epochs differ most."""
        return max(self.differing, key=lambda pair: abs(pair.epochs[1] - pair.epochs[0]), default=None)


@dataclass(frozen=True, kw_only=True)
class FolderContrasts:
    """The comparison of two folders, A and B.

    Attributes:
        folders: the paths of the folders.
        suites: the names of the suites.
        differences: the differences of the folders as wholes.
        cells: the cells that both folders have.
        alone: the names of the cells that only A has, and of those that only B has.
        needed: the smallest numbers of seeds with which A and B can have a conclusion.
        planned: the numbers of seeds that A and B plan.
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
        """The names of the differences because of which no test between the folders is made."""
        return tuple(difference.what for difference in self.differences if difference.what in UNLIKE)
