"""Two results folders beside each other: what differs in how they were made, then cell by cell what came of it.

Cells are matched by their labels. The paired test between the folders is only made between like and like; that their
conclusions agree can be said of any two.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grokbench.errors import StoreError
from grokbench.judging.comparison import Comparison, Comparisons, compare
from grokbench.judging.differences import Difference, cell_differences, folder_differences
from grokbench.judging.effects import effect
from grokbench.judging.notes import conclusion
from grokbench.judging.outcomes import Measured
from grokbench.judging.ranking import Row, rank
from grokbench.records import Manifest, Outcome, Run
from grokbench.stats import pairs_needed
from grokbench.store import Store

__all__ = ["Contrast", "Contrasts", "SeedPair", "contrast"]

UNLIKE = ("device", "device_name", "machine", "torch", "precision", "grokbench", "engine")  # no test across these


@dataclass(frozen=True)
class SeedPair:
    """A seed that did not do the same in both folders: outcomes, and min(T, B) in epochs."""

    seed: int
    outcomes: tuple[Outcome, Outcome]
    epochs: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One cell in both folders."""

    task: str
    regularizer: str
    differences: tuple[Difference, ...]  # of the recipes, budgets, plugin sources; none: the cells are the same
    seeds: int  # finished in both
    differing: tuple[SeedPair, ...]
    a: Row
    b: Row
    conclusions: tuple[str | None, str | None]  # against the baseline: faster, slower, no difference; None without one
    ratio: float | None = None  # exp of the mean log ratio of A's epochs to B's: above 1, B groks sooner
    ratio_low: float | None = None
    ratio_high: float | None = None
    bound: str | None = None  # what seeds that did not grok make of the ratio: lower, upper, mixed
    p: float | None = None  # of that ratio, by the exact sign flip
    untested: str | None = None  # why there is no ratio, in words

    @property
    def agree(self) -> bool | None:
        """Whether both folders conclude the same; None where one of them concludes nothing."""
        return None if None in self.conclusions else self.conclusions[0] == self.conclusions[1]

    @property
    def largest(self) -> SeedPair | None:
        """The seed whose epochs differ most."""
        return max(self.differing, key=lambda pair: abs(pair.epochs[1] - pair.epochs[0]), default=None)


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """Two folders, A and B."""

    folders: tuple[str, str]
    suites: tuple[str, str]
    differences: tuple[Difference, ...]  # of the whole folders
    cells: tuple[Contrast, ...]
    alone: tuple[tuple[str, ...], tuple[str, ...]]  # cells that only A, and only B has
    needed: tuple[int, int]  # the fewest seeds at which A, and B, can conclude anything
    planned: tuple[int, int]  # seeds

    @property
    def unlike(self) -> tuple[str, ...]:
        """The differences across which no test is made."""
        return tuple(difference.what for difference in self.differences if difference.what in UNLIKE)


def contrast(a: Store, b: Store) -> Contrasts:
    """Two folders beside each other.

    Raises:
        StoreError: they have no cell in common.
    """
    sides = [compare(store.manifest, store.runs(), store.timings()) for store in (a, b)]
    first, second = (_by_label(side) for side in sides)
    common = [label for label in first if label in second]
    if not common:
        raise StoreError(
            f"{a.directory} and {b.directory} have no cell in common: {_some(first)} there, {_some(second)} here. "
            "Name two folders of one suite, or of suites that share labels of tasks and regularizers."
        )
    found = Contrasts(
        folders=(str(a.directory), str(b.directory)),
        suites=(a.manifest.suite, b.manifest.suite),
        differences=tuple(folder_differences(*sides)),
        cells=(),
        alone=(_names(first.keys() - second.keys(), first), _names(second.keys() - first.keys(), second)),
        needed=(_needed(a.manifest), _needed(b.manifest)),
        planned=(len(a.manifest.seeds), len(b.manifest.seeds)),
    )
    rows = [{(row.task, row.regularizer): row for row in rank(side).rows} for side in sides]
    cells = [
        _cell(first[label], second[label], [side[label] for side in rows], sides, found.unlike) for label in common
    ]
    return replace(found, cells=tuple(cells))


def _by_label(side: Comparisons) -> dict[tuple[str, str], Comparison]:
    return {each.measured.cell.key: each for each in side.cells}


def _names(labels: Iterable[tuple[str, str]], order: Mapping[tuple[str, str], Any]) -> tuple[str, ...]:
    wanted = set(labels)
    return tuple(f"{task} / {regularizer}" for task, regularizer in order if (task, regularizer) in wanted)


def _some(labels: Mapping[tuple[str, str], Any], most: int = 3) -> str:
    names = _names(labels, labels)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "nothing"


def _cell(
    one: Comparison, other: Comparison, rows: Sequence[Row], sides: Sequence[Comparisons], unlike: Sequence[str]
) -> Contrast:
    a, b = one.measured, other.measured
    first, second = (side.manifest for side in sides)
    untested = _untested(a, b, first.seeds == second.seeds, unlike)
    found = effect(a, b, first.statistics.confidence) if untested is None else None
    return Contrast(
        task=a.cell.task,
        regularizer=a.cell.regularizer,
        differences=tuple(cell_differences(a.cell, b.cell)),
        seeds=len(_both(a, b)),
        differing=tuple(_seed_pairs(a, b)),
        a=rows[0],
        b=rows[1],
        conclusions=(_concluded(one, rows[0], first), _concluded(other, rows[1], second)),
        ratio=found.speedup if found else None,
        ratio_low=found.low if found else None,
        ratio_high=found.high if found else None,
        bound=found.bound if found else None,
        p=found.p["sign_flip"] if found else None,
        untested=untested,
    )


def _concluded(compared: Comparison, row: Row, manifest: Manifest) -> str | None:
    """What a folder concludes about a cell against its baseline; None where its seeds are too few for any p."""
    statistics = manifest.statistics
    p = row.p(statistics)
    enough = compared.effect is not None and row.seeds >= _needed(manifest)
    return conclusion(compared.effect, p, statistics) if compared.effect and enough else None


def _needed(manifest: Manifest) -> int:
    """The fewest seeds at which a p of this folder can be significant."""
    statistics = manifest.statistics
    if statistics.primary == "paired_t":
        return 2
    return pairs_needed(manifest.tests, statistics.alpha)


def _untested(a: Measured, b: Measured, same_seeds: bool, unlike: Sequence[str]) -> str | None:
    """Why A and B are not tested against each other in this cell; None when they can be."""
    if unlike:
        return f"no test between folders that differ in {', '.join(unlike)}"
    for name in ("budget", "evaluate_every"):
        if getattr(a.cell, name) != getattr(b.cell, name):
            return f"no test between cells that differ in {name}"
    unequal = [difference.what for difference in cell_differences(a.cell, b.cell) if not _of_method(difference.what)]
    if unequal:
        return f"no test between cells that differ in {', '.join(unequal)}"
    if not same_seeds:
        return "no test over different seeds"
    return None if a.complete and b.complete else "no test before every planned seed has finished in both"


def _of_method(what: str) -> bool:
    """Whether a difference lies within the method, so that two versions of it are compared on one task."""
    return what.startswith(("regularizers.", "source of regularizers."))


def _both(a: Measured, b: Measured) -> list[tuple[Run, Run]]:
    """The runs of each seed that finished in both folders."""
    others = {run.seed: run for run in b.finished}
    return [(run, others[run.seed]) for run in a.finished if run.seed in others]


def _seed_pairs(a: Measured, b: Measured) -> Iterator[SeedPair]:
    """The seeds whose outcome or epochs differ."""
    first, second = (dict(zip((run.seed for run in side.finished), side.times, strict=True)) for side in (a, b))
    for one, other in _both(a, b):
        outcomes, epochs = (a.outcome(one), b.outcome(other)), (first[one.seed], second[one.seed])
        if outcomes[0] != outcomes[1] or epochs[0] != epochs[1]:
            yield SeedPair(one.seed, outcomes, epochs)
