"""The jobs of a plan: groups of replicas to train, tasks to time.

Groups depend only on the plan (on CUDA also on the device's memory and the number of workers that share it). An
interrupted group resumes from its checkpoint or is trained again as a whole, so no number depends on the interruption.
"""

from collections.abc import Callable, Iterable, Sequence

from grokbench.launchers.jobs import Timekeeping, Training
from grokbench.records import Cell

__all__ = ["groups", "timekeeping", "training"]


def groups(seeds: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Divide seeds into groups of nearly equal size.

    Args:
        seeds: the seeds, in order.
        size: the largest number of replicas in a group. With an odd number of seeds and a size of two, one group has
            three replicas, because a group of one would use other kernels.

    Returns:
        The seeds of each group.
    """
    count = min(-(-len(seeds) // size), max(1, len(seeds) // 2))
    bounds = [i * len(seeds) // count for i in range(count + 1)]
    return [tuple(seeds[low:high]) for low, high in zip(bounds, bounds[1:], strict=False)]


def training(
    cells: Iterable[Cell],
    seeds: Sequence[int],
    finished: Callable[[Cell], set[int]],
    size: Callable[[Cell], int],
    checkpoints: Callable[[Cell], tuple[str, float] | None] = lambda cell: None,
    compiled: Callable[[Cell], bool] = lambda cell: False,
) -> list[Training]:
    """List the groups with a missing replica.

    Args:
        cells: the cells, in the order in which they are trained.
        seeds: the seeds of every cell.
        finished: cell -> the seeds that need not be trained.
        size: cell -> the largest number of replicas in a group.
        checkpoints: cell -> the folder of its checkpoints and the seconds between two checkpoints, or None for no
            checkpoints.
        compiled: cell -> True if it is trained by compiled code.

    Returns:
        A job for each group, cell by cell.
    """
    jobs = []
    for cell in cells:
        missing = set(seeds) - finished(cell)
        if missing:
            jobs += [
                Training(cell, group, frozenset(missing.intersection(group)), checkpoints(cell), compiled(cell))
                for group in groups(seeds, size(cell))
            ]
    return [job for job in jobs if job.missing]


def timekeeping(cells: Iterable[Cell], timed: set[str]) -> list[Timekeeping]:
    """List the tasks with a cell that has no valid timing.

    Args:
        cells: every cell to time; the cells of a task are timed together, in turns.
        timed: identities of the cells that have a valid timing.

    Returns:
        A job for each task, with all its cells.
    """
    by_task: dict[str, list[Cell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task, []).append(cell)
    return [Timekeeping(tuple(group)) for group in by_task.values() if any(c.identity not in timed for c in group)]
