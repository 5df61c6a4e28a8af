"""The progress of every cell of a suite while it runs, independent of how it is displayed."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from grokbench.records import Cell, Outcome, Run
from grokbench.text.headline import headline

__all__ = ["CellKey", "GroupProgress", "Matrix", "TrainingCost", "elapsed", "failure"]

CellKey = tuple[str, str]  # labels of a task and a regularizer


@dataclass
class GroupProgress:
    """The last report of a group of replicas in training.

    Attributes:
        epoch: completed epochs.
        active: the number of replicas still in training.
        at: when the epoch was reported, in seconds of the matrix's clock.
    """

    epoch: int
    active: int
    at: float


@dataclass
class TrainingCost:
    """The cost of a cell's training so far.

    Attributes:
        seconds: the seconds of training, summed over groups.
        epochs: completed epochs, summed over replicas.
    """

    seconds: float = 0.0
    epochs: int = 0


@dataclass
class Matrix:
    """The progress of every cell of a suite.

    Attributes:
        now: a clock, in seconds.
        began: when the display was made, by that clock.
        seeds: the number of replicas of every cell.
        cells: labels -> cell, in the order of the suite.
        runs: the runs of every cell, by seed.
        groups: the groups of every cell that are in training, by their seeds.
        costs: the cost of every cell's training so far.
        latest: the cell that reported last; None before the first report.
        rank_by: "first" or "lasting", the crossing that counts as grokking, see `Statistics`.
    """

    now: Callable[[], float] = time.monotonic
    began: float = 0.0
    seeds: int = 0
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    runs: dict[CellKey, dict[int, Run]] = field(default_factory=dict)
    groups: dict[CellKey, dict[tuple[int, ...], GroupProgress]] = field(default_factory=dict)
    costs: dict[CellKey, TrainingCost] = field(default_factory=dict)
    latest: CellKey | None = None
    rank_by: str = "first"

    def begin(
        self, cells: Sequence[Cell], seeds: int, done: Mapping[CellKey, Sequence[Run]], rank_by: str = "first"
    ) -> None:
        """Record the plan and the stored runs. Failed runs are left out, because they are trained again.

        Args:
            cells: the planned cells, in the order of the suite.
            seeds: the number of replicas of every cell.
            done: labels of a cell -> its stored runs.
            rank_by: the crossing that counts as grokking.
        """
        self.seeds, self.cells, self.rank_by = seeds, {cell.key: cell for cell in cells}, rank_by
        for key in self.cells:
            self.groups[key], self.costs[key] = {}, TrainingCost()
            self.runs[key] = {run.seed: run for run in done.get(key, ()) if run.outcome is not Outcome.FAILED}

    def progress(self, cell: Cell, seeds: tuple[int, ...], epoch: int, active: int) -> None:
        """Record a group's report, and add the time since its last report to the cell's cost.

        Args:
            cell: the cell of the group.
            seeds: the seeds of the group.
            epoch: completed epochs.
            active: the number of replicas still in training; at zero, the group is removed.
        """
        groups, cost, now = self.groups[cell.key], self.costs[cell.key], self.now()
        for halved in [group for group in groups if group != seeds and set(group) & set(seeds)]:
            del groups[halved]  # the group did not fit into memory and is trained in halves
        self.latest = cell.key
        if (before := groups.pop(seeds, None)) is not None:
            cost.seconds += now - before.at
            cost.epochs += (epoch - before.epoch) * before.active
        if active:
            groups[seeds] = GroupProgress(epoch, active, now)

    def finished(self, run: Run, cell: Cell) -> None:
        """Record a run. If all replicas of its group are done, remove the group: its last report may be missing."""
        key = cell.key
        self.runs[key][run.seed] = run
        for seeds in [group for group in self.groups[key] if self.runs[key].keys() >= set(group)]:
            del self.groups[key][seeds]

    def already_reported(self, run: Run, cell: Cell) -> bool:
        """Return whether another replica of the cell failed with the same error, as those of a group usually do."""
        others = (other for seed, other in self.runs[cell.key].items() if seed != run.seed)
        return any(other.outcome is Outcome.FAILED and other.error == run.error for other in others)

    def done(self, key: CellKey) -> int:
        """Count the replicas of a cell that are done."""
        return len(self.runs[key])

    def grokked(self, key: CellKey) -> int:
        """Count the replicas of a cell that grokked, by the crossing that the suite ranks by."""
        return sum(self._time(run, key) is not None for run in self.runs[key].values())

    @property
    def counted(self) -> str:
        """The word for the replicas that `grokked` counts."""
        return "lasting" if self.rank_by == "lasting" else "grokked"

    def _time(self, run: Run, key: CellKey) -> int | None:
        time = run.time(self.rank_by) if run.outcome is Outcome.GROKKED else None
        late = self.rank_by == "lasting" and time is not None and time > self.cells[key].budget
        return None if late else time

    def complete(self, key: CellKey) -> bool:
        """Return whether every replica of a cell is done."""
        return self.done(key) >= self.seeds

    def failures(self, key: CellKey) -> str:
        """Describe the ended replicas that `grokked` does not count, such as `2 censored, 1 failed`; may be empty."""
        counts = Counter(run.outcome for run in self.runs[key].values())
        words = [f"{counts[o]} {o}" for o in Outcome if o is not Outcome.GROKKED and counts[o]]
        lost = counts[Outcome.GROKKED] - self.grokked(key)
        return ", ".join([*([f"{lost} not lasting"] if lost else []), *words])

    def epoch(self, key: CellKey) -> int | None:
        """Return the largest epoch of a cell's groups in training; None when there is none."""
        return max((group.epoch for group in self.groups[key].values()), default=None)

    def median(self, key: CellKey) -> str:
        """Estimate the median epochs to grok by Kaplan-Meier, as text.

        A replica in training is censored at its current epoch, so that the fast replicas, which finish first, do not
        bias the median.

        Returns:
            The median. If a complete cell has none: `> budget`, or `>= t` if exactly half of the replicas grokked, the
            last of them at epoch t. Empty if the median is not yet known.
        """
        from grokbench.stats.survival import half_time, median_time  # imports numpy, so only if needed

        budget, hold = self.cells[key].budget, self.cells[key].recipe.hold or 0
        known = [run for run in self.runs[key].values() if run.outcome is not Outcome.FAILED]
        current = self.current_epochs(key)
        if self.rank_by == "lasting":  # a crossing in the last H epochs may still turn out to last
            current = [max(epoch - hold, 0) for epoch in current]
        found = [self._time(run, key) for run in known]
        times = [float(budget if time is None else min(time, budget)) for time in found]
        grokked = [time is not None for time in found] + [False] * len(current)
        median = median_time([*times, *map(float, current)], grokked)
        if median is not None:
            return f"{median:,.10g}"
        if not known or not self.complete(key):
            return ""
        least = half_time(times, grokked)
        return f"> {budget:,}" if least is None else f">= {least:,.10g}"

    def totals(self) -> str:
        """Describe the number of replicas done and planned."""
        return f"{sum(map(self.done, self.cells)):,}/{self.seeds * len(self.cells):,} replicas done"

    def current_epochs(self, key: CellKey) -> list[int]:
        """Return the last reported epoch of every replica in training."""
        groups = self.groups[key].items()
        return [group.epoch for seeds, group in groups for seed in seeds if seed not in self.runs[key]]


def failure(run: Run, cell: Cell) -> str:
    """Describe a failed replica in one line.

    Args:
        run: the run of the failed replica, with its traceback if one was kept.
        cell: the cell of the run, for its name.
    """
    return f"{cell.name}, seed {run.seed} failed: {headline(run.error or '') or 'no traceback was kept'}"


def elapsed(matrix: Matrix) -> str:
    """Format the time since the display was made, as `h:mm:ss` or `m:ss`."""
    minutes, seconds = divmod(int(matrix.now() - matrix.began), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"
