"""The comparison of two results folders: the differences in how they were made, and the results cell by cell.

Cells are matched by their labels. The paired test between the folders is made only for cells that were trained in the
same way; conclusions are always compared.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from grokbench.errors import StoreError
from grokbench.judging.comparison import Comparison, Comparisons, compare
from grokbench.judging.conclusions import Conclusion
from grokbench.judging.differences import (
    cell_differences,
    data_differences,
    folder_differences,
    import_differences,
    untested,
)
from grokbench.judging.effects import effect
from grokbench.judging.folder_contrasts import FolderContrast, FolderContrasts, SeedPair
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.outcomes import Measured
from grokbench.judging.ranking import rank
from grokbench.judging.row import Row
from grokbench.records import Run
from grokbench.stats import pairs_needed
from grokbench.store import Store

__all__ = ["contrast"]


def contrast(a: Store, b: Store) -> FolderContrasts:
    """Compare two results folders.

    Args:
        a: the first folder; it gives the order of the cells.
        b: the second folder.

    Raises:
        StoreError: the folders have no cell in common.
    """
    sides = [compare(store.manifest, store.runs(), store.timings(), history=store.history()) for store in (a, b)]
    first, second = (_by_label(side) for side in sides)
    common = [label for label in first if label in second]
    if not common:
        raise StoreError(
            f"{a.directory} and {b.directory} have no cell in common: the first has {_some(first)}, the second "
            f"{_some(second)}. "
            "Name two folders of one suite, or of suites that share labels of tasks and regularizers."
        )
    boards = [rank(side) for side in sides]
    found = FolderContrasts(
        folders=(str(a.directory), str(b.directory)),
        suites=(a.manifest.suite, b.manifest.suite),
        differences=tuple(folder_differences(*sides)),
        cells=(),
        alone=(_names(first.keys() - second.keys(), first), _names(second.keys() - first.keys(), second)),
        needed=(_needed(boards[0]), _needed(boards[1])),
        planned=(len(a.manifest.seeds), len(b.manifest.seeds)),
    )
    rows = [{(row.task, row.regularizer): row for row in board.rows} for board in boards]
    cells = [
        _cell(first[label], second[label], [side[label] for side in rows], found.needed, sides, found.unlike)
        for label in common
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
    one: Comparison,
    other: Comparison,
    rows: Sequence[Row],
    needed: tuple[int, int],
    sides: Sequence[Comparisons],
    unlike: Sequence[str],
) -> FolderContrast:
    a, b = one.measured, other.measured
    first, second = (side.manifest for side in sides)
    why_not = untested(a, b, first.seeds == second.seeds, unlike)
    found = effect(a, b, first.statistics.confidence) if why_not is None else None
    test = found.deciding("sign_flip") if found else None
    return FolderContrast(
        task=a.cell.task,
        regularizer=a.cell.regularizer,
        differences=(*cell_differences(a.cell, b.cell), *data_differences(a, b), *import_differences(a, b)),
        seeds=len(_both(a, b)),
        differing=tuple(_seed_pairs(a, b)),
        a=rows[0],
        b=rows[1],
        conclusions=(_concluded(rows[0], needed[0]), _concluded(rows[1], needed[1])),
        ratio=found.speedup if found else None,
        ratio_low=found.low if found else None,
        ratio_high=found.high if found else None,
        bound=found.bound if found else None,
        p=found.p[test] if found and test else None,
        test=test,
        untested=why_not,
    )


def _concluded(row: Row, needed: int) -> Conclusion | None:
    """Return the conclusion of a row; None if there are too few seeds for any p to be significant."""
    return row.conclusion if row.seeds >= needed else None


def _needed(board: Leaderboard) -> int:
    """Return the smallest number of seeds with which a p of this folder can be significant."""
    if board.statistics.primary == "paired_t":
        return 2
    tests = board.statistics.tests(max(board.families, default=1))
    return pairs_needed(tests, board.statistics.alpha)


def _both(a: Measured, b: Measured) -> list[tuple[Run, Run]]:
    """List both runs of each seed that finished in both folders."""
    others = {run.seed: run for run in b.finished}
    return [(run, others[run.seed]) for run in a.finished if run.seed in others]


def _seed_pairs(a: Measured, b: Measured) -> Iterator[SeedPair]:
    """Yield the seeds whose outcomes or epochs differ."""
    first, second = (dict(zip((run.seed for run in side.finished), side.times, strict=True)) for side in (a, b))
    for one, other in _both(a, b):
        outcomes, epochs = (a.outcome(one), b.outcome(other)), (first[one.seed], second[one.seed])
        if outcomes[0] != outcomes[1] or epochs[0] != epochs[1]:
            yield SeedPair(one.seed, outcomes, epochs)
