"""The largest difference between two trainings of the same replica that rounding explains.

A replica that is recomputed on another processor or in another group is rounded differently. Rounding errors change the
epochs to grok as much as `placebo` does, whose only effect is to perturb all initial weights by 1e-6. The log ratios of
the epochs of placebo and baseline, one for each seed of the task, are therefore a sample of the differences between two
trainings of one replica. The tolerance is half the two-sided prediction interval of Student's t for one more such log
ratio with mean zero. The level of the interval keeps the chance of refusing an honest submission at RISK over all
comparisons. The tolerance is at least the largest observed log ratio, and at least one evaluation interval.

A method may be more sensitive to rounding than the baseline. A submission can therefore add a row of its method
combined with `placebo`. The tolerance of the method is then the larger of the two.

Without a placebo, the tolerance is derived from the spread over the baseline's seeds, times the square root of two. It
is wide, because two seeds differ by more than two trainings of one seed do. A wide tolerance detects fewer altered
outcomes, and the check says where it was used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from grokbench.judging.outcomes import Measured
from grokbench.records import Cell, Manifest, Run
from grokbench.store import Store
from grokbench.text.escape import printable

__all__ = ["RISK", "Tolerance", "placebo_tolerance", "tolerance"]

RISK = 0.01  # chance of refusing an honest submission, over all its comparisons
PLACEBO, SCALE = "placebo", 1e-6  # the method, and the scale of its perturbation
SEEDS = "seeds of the baseline, in place of a placebo"
LEAST = 5  # fewest log ratios from which a spread is estimated


@dataclass(frozen=True)
class Tolerance:
    """The tolerance of a task.

    Attributes:
        log_ratio: the largest accepted log ratio of the epochs of two trainings of a replica.
        pairs: the number of log ratios, or of seeds, from which `log_ratio` was derived. 0: there were too few, and the
            tolerance is unlimited.
        source: a description of these log ratios or seeds, for the sentence about the tolerance.
    """

    log_ratio: float
    pairs: int
    source: str

    def accepts(self, one: float, other: float, every: int) -> bool:
        """Return whether rounding explains the difference between two times.

        Args:
            one: a time in epochs.
            other: the time of the same replica, trained again.
            every: epochs between evaluations; times that differ by one evaluation are always accepted.
        """
        return abs(one - other) <= every or abs(math.log(max(one, 1.0) / max(other, 1.0))) <= self.log_ratio

    @property
    def words(self) -> str:
        """The tolerance as a factor, and its origin."""
        if not self.pairs:
            return "unlimited, because there are neither placebo runs nor enough seeds"
        return f"a factor of {math.exp(self.log_ratio):.3g}, from {self.pairs} {self.source}"


def tolerance(task: str, store: Store, rank_by: str, comparisons: int) -> Tolerance:
    """Derive the tolerance of a task from its baseline.

    Args:
        task: the label of the task.
        store: the committed results, with a baseline and, if possible, a placebo on the task.
        rank_by: "first" or "lasting", the crossing whose epochs are compared.
        comparisons: the number of comparisons of the check, over which RISK is divided.
    """
    cells = [cell for cell in store.manifest.cells if cell.task == task]
    baseline = next((cell for cell in cells if cell.regularizer == store.manifest.baseline), None)
    if baseline is None:
        return Tolerance(math.inf, 0, "")
    if found := placebo_tolerance(baseline, store, rank_by, comparisons):
        return found
    logs = [math.log(time) for time in _times(baseline, store, rank_by).values()]
    if len(logs) < LEAST:
        return Tolerance(math.inf, 0, "")
    centred = [math.sqrt(2.0) * (log - fmean(logs)) * math.sqrt(len(logs) / (len(logs) - 1)) for log in logs]
    return Tolerance(_prediction(centred, comparisons), len(logs), SEEDS)


def placebo_tolerance(cell: Cell, store: Store, rank_by: str, comparisons: int) -> Tolerance | None:
    """Derive the tolerance of a method from its row combined with `placebo`; None if there is no such row.

    Args:
        cell: the cell of the method. For the baseline, the row with `placebo` is the row of `placebo` alone.
        store: a folder with both rows.
        rank_by: see `tolerance`.
        comparisons: see `tolerance`.
    """
    perturbed = next((other for other in store.manifest.cells if _is_perturbed(cell, other)), None)
    if perturbed is None:
        return None
    times, others = _times(cell, store, rank_by), _times(perturbed, store, rank_by)
    ratios = [math.log(others[seed] / times[seed]) for seed in times if seed in others]
    if len(ratios) < LEAST:
        return None
    return Tolerance(
        max(_prediction(ratios, comparisons), *map(abs, ratios)),
        len(ratios),
        f"pairs of {printable(cell.regularizer)} with and without placebo",
    )


def _is_perturbed(cell: Cell, other: Cell) -> bool:
    """Return whether `other` is `cell` with `placebo` added as the last method, and otherwise equal."""
    *methods, last = other.recipe.regularizers
    own = [use for use in cell.recipe.regularizers if use.name != "baseline"]
    perturbs = last.name == PLACEBO and last.parameters.get("scale") == SCALE
    same = [(use.name, use.parameters) for use in methods] == [(use.name, use.parameters) for use in own]
    return perturbs and same and other.task == cell.task and other.optimizer == cell.optimizer


def _times(cell: Cell, store: Store, rank_by: str) -> dict[int, float]:
    """Return seed -> the epochs to grok, at least one evaluation interval; the budget if the replica did not grok."""
    manifest: Manifest = store.manifest
    runs: Sequence[Run] = store.runs_of(cell, manifest.seeds)
    measured = Measured(cell, tuple(runs), rank_by=rank_by)
    return dict(zip((run.seed for run in measured.finished), measured.ratio_times, strict=True))


def _prediction(ratios: Sequence[float], comparisons: int) -> float:
    """Return half the prediction interval for one more value with mean zero, at the level RISK / comparisons."""
    from scipy.special import stdtrit  # late: the command line starts without scipy

    n = len(ratios)
    spread = math.sqrt(sum(ratio**2 for ratio in ratios) / n)
    return float(stdtrit(n, 1.0 - RISK / (2.0 * max(comparisons, 1)))) * spread
