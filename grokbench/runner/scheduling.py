"""What is left to do in a results folder, cut into jobs: groups to train, tasks to time.

Groups follow from the plan (on CUDA also from a device's memory and how many workers share it): an interrupted group
goes on from its checkpoint or is trained again as a whole, so that no number depends on the interruption.
"""

from collections.abc import Callable, Iterable, Sequence

from grokbench.launchers.jobs import Timekeeping, Training
from grokbench.records import Cell

__all__ = ["groups", "timekeeping", "training"]


def groups(seeds: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Seeds cut as evenly as can be into groups of at most `size`; of three rather than one, if `size` is two."""
    count = min(-(-len(seeds) // size), max(1, len(seeds) // 2))
    bounds = [i * len(seeds) // count for i in range(count + 1)]
    return [tuple(seeds[low:high]) for low, high in zip(bounds, bounds[1:], strict=False)]


def training(
    cells: Iterable[Cell],
    seeds: Sequence[int],
    finished: Callable[[Cell], set[int]],
    size: Callable[[Cell], int],
    checkpoints: Callable[[Cell], tuple[str, float] | None] = lambda cell: None,
) -> list[Training]:
    """The groups in which something is missing, cell by cell; `checkpoints` are their folder and how often to write."""
    jobs = []
    for cell in cells:
        missing = set(seeds) - finished(cell)
        if missing:
            jobs += [
                Training(cell, group, frozenset(missing.intersection(group)), checkpoints(cell))
                for group in groups(seeds, size(cell))
            ]
    return [job for job in jobs if job.missing]


def timekeeping(cells: Iterable[Cell], timed: set[str]) -> list[Timekeeping]:
    """The tasks of which a cell has not been timed; identities in `timed` have."""
    by_task: dict[str, list[Cell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task, []).append(cell)
    return [Timekeeping(tuple(group)) for group in by_task.values() if any(c.identity not in timed for c in group)]
