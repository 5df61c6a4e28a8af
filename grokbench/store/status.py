"""The progress of a results folder, in numbers and in the sentences of `grokbench status`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grokbench.records import Cell, Outcome, Run
from grokbench.seeds import format_seeds
from grokbench.store import Store
from grokbench.store.activity import Activity
from grokbench.store.running import sentences
from grokbench.text.escape import printable
from grokbench.text.options import Option

__all__ = ["alike", "complaints", "count_replicas", "describe", "tracebacks", "unplanned"]


def count_replicas(store: Store) -> Counter[str]:
    """Count replicas: `planned`, each `Outcome`, and `missing`, which includes replicas with a damaged file."""
    return _counts(store, store.runs())


def _counts(store: Store, runs: Sequence[Run]) -> Counter[str]:
    planned = len(store.manifest.cells) * len(store.manifest.seeds)
    counts = Counter({outcome.value: 0 for outcome in Outcome})
    counts.update(run.outcome.value for run in runs)
    counts.update(planned=planned, missing=planned - len(runs))
    return counts


def unplanned(store: Store, withdrawn: bool = False) -> int:
    """Count the stored replicas of cells or seeds that are not planned now and therefore not shown.

    Args:
        store: the results folder.
        withdrawn: True to count the replicas of withdrawn cells, on which the judgement depends, as planned.
    """
    cells = (*store.manifest.cells, *(store.manifest.withdrawn if withdrawn else ()))
    planned = {(cell.identity, str(seed)) for cell in cells for seed in store.manifest.seeds}
    return len(store.stored() - planned)


def describe(store: Store) -> Iterator[str]:
    """Yield sentences: counts of replicas, what each cell lacks, which files are damaged, and who writes now."""
    of_cells = [(cell, store.runs_of(cell, store.manifest.seeds)) for cell in store.manifest.cells]
    runs = [run for _, found in of_cells for run in found]  # read once, because there may be many
    counts, damaged = _counts(store, runs), set(store.damaged)
    activity = store.activity.read()
    working = activity if activity and activity.works(store.busy) else None
    words = ", ".join(f"{counts[key]} {key}" for key in (*Outcome, "missing"))
    yield f"{store.manifest.suite}: {counts['planned']} replicas planned: {words}."
    if store.manifest.execution.get("compile"):
        yield f"  Trained by compiled code where it saves time ({Option('compile')})."
    yield from _lasting(store, runs, counts[Outcome.GROKKED])
    for cell, found in of_cells:
        if left := ", ".join(_left(cell, {run.seed: run for run in found}, store, damaged, working)):
            yield f"  {cell.name}: {left}"
    yield from _untimed(store, runs)
    if megabytes := store.weights.megabytes(runs):
        yield f"  kept weights: {megabytes:.1f} MB"
    yield from complaints(store)
    yield from sentences(store, activity)


def _lasting(store: Store, runs: Iterable[Run], grokked: int) -> Iterator[str]:
    """Yield a sentence on how many replicas' grokking lasted, if the suite ranks by lasting grokking."""
    if store.manifest.statistics.rank_by == "lasting" and grokked:
        lasted = sum(run.time("lasting") is not None for run in runs)
        yield f"  grokked at first: {grokked}; lasting: {lasted}. The suite ranks by lasting grokking"


def complaints(store: Store, most: int = 20) -> Iterator[str]:
    """Yield a sentence with the remedy for each damaged file, then the number of further damaged files.

    Args:
        store: the results folder, after its files were read; `damaged` is in the order of detection.
        most: the largest number of files that get their own sentence.
    """
    for name in store.damaged[:most]:
        if name in store.packed.damaged:
            yield f"{name} is damaged and counts as missing: put back a good copy (from git)."
        else:
            yield f"{name} is damaged and counts as missing; `grokbench run` makes it again."
    if len(store.damaged) > most:
        yield f"{len(store.damaged) - most} more are damaged."


def tracebacks(store: Store) -> Iterator[str]:
    """Yield the different tracebacks of each cell's failed replicas, under the names of the cell and its seeds."""
    for cell in store.manifest.cells:
        for error, seeds in alike(store.runs_of(cell, store.manifest.seeds)).items():
            yield "\n".join(map(printable, [f"{cell.name}, {seeds}:", *error.splitlines()]))


def alike(runs: Iterable[Run]) -> dict[str, str]:
    """Return traceback -> the seeds that failed with it, in words, for a cell's runs; a group's seeds fail together."""
    seeds: dict[str, list[int]] = {}
    for run in runs:
        if run.outcome is Outcome.FAILED:
            seeds.setdefault(run.error or "no traceback was kept", []).append(run.seed)
    return {error: f"seed{'s' * (len(many) > 1)} {format_seeds(many)}" for error, many in seeds.items()}


def _left(
    cell: Cell, runs: Mapping[int, Run], store: Store, damaged: set[str], activity: Activity | None
) -> Iterator[str]:
    """Yield the reasons why replicas of a cell are not finished, each with the number of replicas."""
    seeds = store.manifest.seeds
    left = set(seeds) - {seed for seed, run in runs.items() if store.satisfied(run, cell)}
    training = left & (activity.training(cell.identity) if activity else set())
    queued = left & (activity.waiting(cell.identity) if activity else set())
    idle = left - training - queued
    failed = {seed for seed in idle & runs.keys() if runs[seed].outcome is Outcome.FAILED}
    absent = idle - runs.keys()  # a packed copy replaces a damaged file
    broken = {seed for seed in absent if f"runs/{cell.identity}/{seed}.json" in damaged}
    kinds = {
        "in training": training,
        "queued": queued - training,
        "missing": absent - broken,
        "damaged": broken,
        "failed": failed,
        "to be trained further": idle - absent - failed,
    }
    yield from (f"{len(found)} of {len(seeds)} {kind}" for kind, found in kinds.items() if found)


def _untimed(store: Store, runs: Iterable[Run]) -> Iterator[str]:
    """Name the tasks that have a cell with a finished replica but without measured seconds per epoch."""
    timed = {timing.identity for timing in store.timings()}
    trained = {run.identity for run in runs if run.outcome is not Outcome.FAILED and not run.reference}
    cells = [cell for cell in store.manifest.cells if cell.identity in trained - timed]
    if tasks := dict.fromkeys(cell.task for cell in cells):
        yield f"  seconds per epoch not measured yet: {', '.join(tasks)}"
