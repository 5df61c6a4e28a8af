"""Where every cell of a suite stands while it runs; no terminal in sight."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from grokbench.records import Cell, Outcome, Run

__all__ = ["Front", "Key", "Matrix", "Pace", "elapsed", "failure"]

Key = tuple[str, str]  # labels of a task and a regularizer


@dataclass
class Front:
    """A group of replicas in training."""

    epoch: int
    active: int
    at: float  # seconds, when that epoch was reported


@dataclass
class Pace:
    """What training has cost so far."""

    seconds: float = 0.0
    epochs: int = 0  # of single replicas


@dataclass
class Matrix:
    """Where every cell of a suite stands. Time is seconds of `now`."""

    now: Callable[[], float] = time.monotonic
    began: float = 0.0
    seeds: int = 0
    cells: dict[Key, Cell] = field(default_factory=dict)
    runs: dict[Key, dict[int, Run]] = field(default_factory=dict)
    fronts: dict[Key, dict[tuple[int, ...], Front]] = field(default_factory=dict)
    paces: dict[Key, Pace] = field(default_factory=dict)
    latest: Key | None = None  # the cell that reported last

    def begin(self, cells: Sequence[Cell], seeds: int, done: Mapping[Key, Sequence[Run]]) -> None:
        """A stored replica that failed is still to do: this run repeats it."""
        self.seeds, self.cells = seeds, {cell.key: cell for cell in cells}
        for key in self.cells:
            self.fronts[key], self.paces[key] = {}, Pace()
            self.runs[key] = {run.seed: run for run in done.get(key, ()) if run.outcome is not Outcome.FAILED}

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Move a group's front; what it took since the last report enters the cell's pace."""
        fronts, pace, now = self.fronts[cell.key], self.paces[cell.key], self.now()
        for halved in [group for group in fronts if group != seeds and set(group) & set(seeds)]:
            del fronts[halved]  # it did not fit into memory
        self.latest = cell.key
        if (before := fronts.pop(seeds, None)) is not None:
            pace.seconds += now - before.at
            pace.epochs += (epoch - before.epoch) * before.active
        if active:
            fronts[seeds] = Front(epoch, active, now)

    def finished(self, run: Run, cell: Cell) -> None:
        """Keep a run. A group whose replicas are all done leaves training: it may report no more progress."""
        key = cell.key
        self.runs[key][run.seed] = run
        for seeds in [group for group in self.fronts[key] if self.runs[key].keys() >= set(group)]:
            del self.fronts[key][seeds]

    def told(self, run: Run, cell: Cell) -> bool:
        """Whether another replica of the cell failed with the same error: those of a group fail together."""
        others = (other for seed, other in self.runs[cell.key].items() if seed != run.seed)
        return any(other.outcome is Outcome.FAILED and other.error == run.error for other in others)

    def done(self, key: Key) -> int:
        """Replicas of a cell that are done."""
        return len(self.runs[key])

    def grokked(self, key: Key) -> int:
        """Replicas of a cell that grokked."""
        return sum(run.outcome is Outcome.GROKKED for run in self.runs[key].values())

    def complete(self, key: Key) -> bool:
        """Whether every replica of a cell is done."""
        return self.done(key) >= self.seeds

    def failures(self, key: Key) -> str:
        """The other outcomes in words, such as `2 censored, 1 failed`; empty when there are none."""
        counts = Counter(run.outcome for run in self.runs[key].values())
        return ", ".join(f"{counts[o]} {o}" for o in Outcome if o is not Outcome.GROKKED and counts[o])

    def epoch(self, key: Key) -> int | None:
        """The furthest epoch of a cell's groups in training; None when there is none."""
        return max((front.epoch for front in self.fronts[key].values()), default=None)

    def median(self, key: Key) -> str:
        """Median epochs to grok, `> budget` when a complete cell has none, empty before it can be told.

        A replica in training is censored at its present epoch, so that early ones do not flatter the median.
        """
        from grokbench.stats.survival import median_time  # numpy: not before something is shown

        budget = self.cells[key].budget
        known = [run for run in self.runs[key].values() if run.outcome is not Outcome.FAILED]
        present = self.present(key)
        times = [run.capped(budget) for run in known] + [float(epoch) for epoch in present]
        median = median_time(times, [run.outcome is Outcome.GROKKED for run in known] + [False] * len(present))
        if median is not None:
            return f"{median:,.10g}"
        return f"> {budget:,}" if known and self.complete(key) else ""

    def totals(self) -> str:
        """Replicas done of those planned."""
        return f"{sum(map(self.done, self.cells)):,}/{self.seeds * len(self.cells):,} replicas done"

    def present(self, key: Key) -> list[int]:
        """The epoch of every replica in training, as far as it is known."""
        fronts = self.fronts[key].items()
        return [front.epoch for seeds, front in fronts for seed in seeds if seed not in self.runs[key]]


def failure(run: Run, cell: Cell) -> str:
    """One line for a replica that failed, with the last line of its traceback."""
    lines = (run.error or "").strip().splitlines()
    return f"{cell.name}, seed {run.seed} failed: {lines[-1] if lines else 'no traceback was kept'}"


def elapsed(matrix: Matrix) -> str:
    """Hours, minutes and seconds since the display was made."""
    minutes, seconds = divmod(int(matrix.now() - matrix.began), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"
