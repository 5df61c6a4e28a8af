"""The engine with more and more seeds: a worker's seconds per seed-epoch, and its memory.

Every worker, one for each core or one on the CUDA device, trains all seeds at the same time as the others. So the
seconds are those of one worker on a busy machine without idle cores. In each round the sizes take turns in ascending
order. Memory is the growth of the worker's peak from before any training to after a size's first turn.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from benchmarks import grouped
from benchmarks.cases import Case
from benchmarks.grouped import Clock, TimedTrainings
from benchmarks.tables import tabulated
from grokbench.launchers.interface import Stage

__all__ = ["SIZES", "Growth", "grow", "table"]

SIZES = (1, 2, 4, 8, 16, 25, 64)  # seeds


@dataclass(frozen=True)
class Growth:
    """The measurements of one case at every size, the number of seeds.

    Attributes:
        case: the measured case.
        workers: the workers at the same time.
        seconds: size -> seconds of one worker per seed-epoch, in each round.
        bytes: size -> memory of one worker.
        groups: size -> number of groups, trained one after the other.
    """

    case: Case
    workers: int
    seconds: dict[int, list[float]]
    bytes: dict[int, int]
    groups: dict[int, int]

    def json(self) -> dict[str, Any]:
        """Return medians and every round as JSON data."""
        return {
            "task": self.case.cell.task,
            "method": self.case.cell.regularizer,
            "epochs": self.case.cell.budget - self.case.short,
            "evaluate_every": self.case.cell.evaluate_every,
            "workers": self.workers,
            "sizes": [
                {
                    "seeds": size,
                    "groups": self.groups[size],
                    "worker_seconds_per_seed_epoch": median(rounds),
                    "seed_epochs_per_second": self.workers / median(rounds),
                    "bytes": self.bytes[size],
                    "rounds": rounds,
                }
                for size, rounds in self.seconds.items()
            ],
        }


def grow(case: Case, sizes: Sequence[int], rounds: int, say: Callable[[str], None] = lambda _: None) -> Growth:
    """Measure one case at every size; RuntimeError if a replica is not trained to the end."""
    workers = grouped.cores(case.device)
    trainings = {size: tuple(grouped.groups(_with(case, size))) for size in sizes}
    clocks = grouped.perform(case, _stages(case, trainings, workers), workers, workers)
    before = next(clocks)
    taken: list[dict[int, list[Clock]]] = []
    for number in range(1, rounds + 1):
        taken.append({size: next(clocks) for size in sizes})
        say(f"{case.name}: round {number} of {rounds}")
    clocks.close()
    base = max(clock.peak for clock in before)
    return Growth(
        case,
        workers,
        {size: [_seconds(_with(case, size), turn[size]) for turn in taken] for size in sizes},
        # The kernel updates its count of pages in batches, so it may be slightly lower where nothing was allocated.
        {size: max(0, max(clock.peak for clock in taken[0][size]) - base) for size in sizes},
        {size: len(groups) for size, groups in trainings.items()},
    )


def _with(case: Case, size: int) -> Case:
    return replace(case, seeds=tuple(range(case.seeds[0], case.seeds[0] + size)))


def _seconds(case: Case, clocks: Sequence[Clock]) -> float:
    return sum(clock.epochs for clock in clocks) / len(clocks) / case.seed_epochs


def _stages(case: Case, trainings: dict[int, tuple[Any, ...]], workers: int) -> Iterator[Stage]:
    """Yield a stage without training, for the initial memory; then every size on all workers, repeatedly."""
    yield Stage([TimedTrainings(())] * workers, workers)
    while True:
        for groups in trainings.values():
            yield Stage([TimedTrainings(groups, case.short, restart=True)] * workers, workers)


def table(growths: Sequence[Growth]) -> str:
    """Format a row for each case and size."""
    headers = ["task", "method", "seeds", "groups", "worker ms", "of 2 seeds", "seed-epochs/s", "MB", "MB per seed"]
    return tabulated(headers, [row for growth in growths for row in _rows(growth)])


def _rows(growth: Growth) -> Iterator[list[str]]:
    two = growth.seconds.get(2)
    for size, rounds in growth.seconds.items():
        seconds, megabytes = median(rounds), growth.bytes[size] / 1e6
        yield [
            growth.case.cell.task,
            growth.case.cell.regularizer,
            str(size),
            str(growth.groups[size]),
            f"{1e3 * seconds:.3f}",
            f"{seconds / median(two):.2f}" if two else "",
            f"{growth.workers / seconds:.1f}",
            f"{megabytes:.0f}",
            f"{megabytes / size:.1f}",
        ]
