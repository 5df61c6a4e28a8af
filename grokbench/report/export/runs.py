"""The tidy tables of replicas: `runs` has a row for each replica, `curves` a row for each value of a metric."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from grokbench.judging.outcomes import Measured
from grokbench.records import Cell, Run, Timing
from grokbench.report.export.tidy import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Table, Value
from grokbench.store import Store
from grokbench.text.private import without_private

__all__ = [
    "ABOUT_CURVES",
    "ABOUT_RUNS",
    "CURVES",
    "LABELS",
    "MISSING",
    "UNTIMED",
    "curves",
    "points",
    "run_columns",
    "runs",
]

MISSING = "missing"  # the outcome of a planned replica that is not stored
ABOUT_RUNS = "A row per planned replica: one seed of one cell."
ABOUT_CURVES = "A row per evaluation: one metric of one replica after so many epochs."
NEVER = "the replica never did, failed or is missing"
NOT_THERE = "the replica is missing"
NOT_FINISHED = "the replica failed, is missing, or was trained to a smaller budget"
UNTIMED = "seconds were not measured"

LABELS = (
    Column("task", TEXT, "label of the task in the suite"),
    Column("regularizer", TEXT, "label of the method in the suite"),
)
SEED = Column("seed", INTEGER, "seed of the replica, which fixes data, split and initialisation for every method")


@dataclass(frozen=True)
class Replica:
    """A planned replica and its result.

    Attributes:
        cell: the cell of the replica.
        seed: the seed of the replica.
        run: the stored run; None if there is none.
        timing: the timing of the cell; None if there is none.
        rank_by: the crossing whose epoch is the replica's time, see `Statistics`.
    """

    cell: Cell
    seed: int
    run: Run | None
    timing: Timing | None
    rank_by: str = "first"

    @property
    def task(self) -> str:
        """The label of the task."""
        return self.cell.task

    @property
    def regularizer(self) -> str:
        """The label of the regularizer."""
        return self.cell.regularizer

    def of_run(self, name: str) -> Any:
        """Return a field of the run; None if there is no run."""
        return getattr(self.run, name, None)

    def provenance(self, key: str) -> Any:
        """Return an entry of the run's provenance; None if there is no run."""
        return self.run.provenance.get(key) if self.run else None

    @property
    def measured(self) -> Measured:
        """The measurements of a cell that has only this replica."""
        return Measured(self.cell, (self.run,), (self.timing,) if self.timing else (), self.rank_by)


def _commit(replica: Replica) -> str | None:
    git = replica.provenance("git")
    if not isinstance(git, Mapping) or "commit" not in git:
        return None
    return f"{git['commit']}{'-dirty' if git.get('dirty') else ''}"


def _last_line(text: str | None) -> str | None:
    return next(reversed(without_private(text or "").strip().splitlines()), None)


def _of_run(name: str, kind: str, meaning: str, empty: str = NOT_THERE, unit: str = "") -> Column:
    return Column(name, kind, meaning, empty, unit, lambda replica: replica.of_run(name))


def _of_crossings(name: str, kind: str, meaning: str, unit: str = "") -> Column:
    empty = f"there is none, or {NOT_THERE}"
    return Column(
        name,
        kind,
        meaning,
        empty,
        unit,
        lambda r: getattr(r.run.crossings, name) if r.run and r.run.crossings else None,
    )


def _origin(key: str, meaning: str) -> Column:
    return Column(key, TEXT, meaning, "not recorded, or the replica is missing", of=lambda r: r.provenance(key))


def _final(label: str) -> Column:
    meaning, empty = "the metric at the last evaluation", f"{NOT_THERE}, or it was not measured"
    return Column(f"final_{label}", NUMBER, meaning, empty, of=lambda r: r.run.final.get(label) if r.run else None)


BEFORE = (
    *LABELS,
    SEED,
    Column(
        "outcome",
        TEXT,
        "grokked, censored (the budget came first), diverged (a loss that is not finite), failed (an error) or missing "
        "(not trained yet)",
        of=lambda replica: replica.run.outcome.value if replica.run else MISSING,
    ),
    _of_run("grokked_at", INTEGER, "epochs to the first evaluation at which the criterion held", NEVER, "epochs"),
    _of_crossings("lasting", INTEGER, "epochs to the crossing that lasted, if the task stops by `hold`", "epochs"),
    _of_crossings("watched", INTEGER, "evaluations after the first crossing"),
    _of_crossings("below", INTEGER, "later evaluations at which the criterion did not hold"),
    _of_crossings("lost", INTEGER, "evaluations that missed the criterion by more than chance explains"),
    _of_crossings("strict", INTEGER, "epochs to the crossing after which it held throughout H epochs", "epochs"),
    _of_crossings("not_finite_at", INTEGER, "epoch of the evaluation by which a loss had become non-finite", "epochs"),
    _of_run("memorised_at", INTEGER, "epochs to a train accuracy of at least 0.99", NEVER, "epochs"),
    _of_run("epochs", INTEGER, "epochs that were trained", unit="epochs"),
    Column("budget", INTEGER, "largest number of epochs", unit="epochs", of=lambda replica: replica.cell.budget),
    Column("evaluate_every", INTEGER, "distance of evaluations", unit="epochs", of=lambda r: r.cell.evaluate_every),
    Column(
        "time",
        NUMBER,
        "grokked_at, or `lasting` if the suite ranks by it; the budget if the replica did not grok by then. Means and "
        "ratios use this time",
        NOT_FINISHED,
        "epochs",
        lambda replica: next(iter(replica.measured.times), None),
    ),
    Column(
        "event",
        BOOLEAN,
        "whether the replica grokked at `time`; if false, `time` is only a lower bound",
        NOT_FINISHED,
        of=lambda replica: next(iter(replica.measured.grokked), None),
    ),
)
AFTER = (
    _of_run("prepare_seconds", NUMBER, "time of the method's phase `prepare`, before training", unit="seconds"),
    Column(
        "seconds_per_epoch",
        NUMBER,
        "measured once for the cell: one network trained alone, evaluation excluded, median of the rounds",
        UNTIMED,
        "seconds",
        lambda replica: replica.measured.seconds_per_epoch(),
    ),
    _origin("device", "kind of device on which the replica was trained: cpu or cuda"),
    _origin("device_name", "the device's model"),
    _origin("machine", "processor and cores"),
    _origin("precision", "type of all tensors: float32 or float64"),
    _origin("torch", "version of torch"),
    _origin("grokbench", "version of grokbench"),
    _origin("engine", "revision of the training engine"),
    Column("commit", TEXT, "commit of grokbench; `-dirty` if files were changed", "not from a repository", of=_commit),
    Column("error", TEXT, "last line of the traceback", "nothing failed", of=lambda r: _last_line(r.of_run("error"))),
)
CURVES = (
    *LABELS,
    SEED,
    Column("metric", TEXT, "label of the metric"),
    Column("epoch", INTEGER, "passes over the training set before this evaluation; 0 is before any", unit="epochs"),
    Column("value", NUMBER, "the metric; it may be nan or infinite"),
)


def run_columns(metrics: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns of the table `runs` with the given metrics."""
    return (*BEFORE, *map(_final, metrics), *AFTER)


def runs(store: Store) -> Table:
    """Return the table `runs`, with a row for each planned replica, missing ones included."""
    labels = dict.fromkeys(label for cell in store.manifest.cells for label in cell.metrics)
    return Table.of("runs", ABOUT_RUNS, run_columns(labels), partial(_replicas, store))


def _replicas(store: Store) -> Iterator[Replica]:
    timings = {timing.identity: timing for timing in store.timings()}
    for cell in store.manifest.cells:
        there = {run.seed: run for run in store.runs_of(cell, store.manifest.seeds)}
        for seed in store.manifest.seeds:
            yield Replica(cell, seed, there.get(seed), timings.get(cell.identity), store.manifest.statistics.rank_by)


def curves(store: Store) -> Table:
    """Return the table `curves`, with a row for each value of a metric."""
    return Table("curves", ABOUT_CURVES, CURVES, partial(points, store))


def points(store: Store, only: Collection[str] | None = None) -> Iterator[tuple[Value, ...]]:
    """Yield the rows of the table `curves`, with one replica in memory at a time.

    Args:
        store: the results folder.
        only: labels of metrics; None means all.

    Yields:
        A value for each column of CURVES.
    """
    for cell in store.manifest.cells:
        for seed in store.manifest.seeds if only is None or set(only) & set(cell.metrics) else ():
            for run in store.runs_of(cell, [seed], curves=True):
                for label, curve in run.curves.items():
                    if only is None or label in only:
                        where = (cell.task, cell.regularizer, seed, label)
                        yield from ((*where, *point) for point in zip(curve.epochs, curve.values, strict=True))
