"""Joining of results folders of one suite, made on several machines, into a new folder.

Every run and every timing keeps its provenance, which names its machine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.records import Cell, Declaration, Ledger, Look, Manifest, Outcome, Run, Timing, reached_end
from grokbench.store import Store
from grokbench.store.join_manifests import joined_manifest
from grokbench.store.layout import Layout
from grokbench.store.ledger import ledger_lines
from grokbench.text.lists import listed, plural

__all__ = ["join"]

Found = tuple[Store, Run]  # a run, and the folder that holds it


def join(stores: Sequence[Store], folder: Path) -> list[str]:
    """Write a results folder with the runs of several folders, whole or not at all.

    Args:
        stores: the folders, at least two.
        folder: the path of the new folder.

    Returns:
        Sentences about the new folder: how many replicas it has from each folder, how many were left out because
        several folders hold them, and which tasks have seconds from more than one folder.

    Raises:
        StoreError: the folders contradict each other, see `joined_manifest`; or they hold the same replica with other
            results, or runs on other data; or the new folder exists or cannot be written.
    """
    manifest = joined_manifest([(str(store.directory), store.manifest) for store in stores])
    chosen = [found for cell in _cells(manifest) for seed in manifest.seeds if (found := _chosen(cell, seed, stores))]
    _refuse_other_data(manifest, chosen)
    timings = list(_timings(manifest, stores))
    with atomic.new_folder(folder) as temporary:
        if events := _events(stores):
            atomic.write(Layout(temporary).ledger, ledger_lines(Ledger(events)))
        with Store.open(temporary, manifest) as joined:
            for store, run in chosen:
                _copy(store, run, joined)
            for _, timing in timings:
                joined.save_timing(timing)
    return [*_about_runs(chosen, stores), *_about_seconds(manifest, timings)]


def _cells(manifest: Manifest) -> list[Cell]:
    """List one cell for each recipe, withdrawn cells included: among cells with the same recipe the largest budget."""
    cells = sorted((*manifest.cells, *manifest.withdrawn), key=lambda cell: cell.budget)
    return list({cell.identity: cell for cell in cells}.values())


def _chosen(cell: Cell, seed: int, stores: Sequence[Store]) -> Found | None:
    """Choose the run of a replica: the first that reached its end, otherwise the first that did not fail, if any."""
    found = [(store, run) for store in stores for run in store.runs_of(cell, [seed])]
    complete = [each for each in found if reached_end(each[1], cell)]
    for store, run in complete[1:]:
        there, first = complete[0]
        if _result(run) != _result(first):
            raise StoreError(
                f"{cell.name}, seed {seed}, was trained twice with different results: {_words(first)} in "
                f"{there.directory}, {_words(run)} in {store.directory}. Merge them without one of the two folders; "
                f"`grokbench compare {there.directory} {store.directory}` shows how they were made."
            )
    own = [each for each in complete if not each[1].reference]
    sound = [each for each in found if each[1].outcome is not Outcome.FAILED]
    return next(iter([*own, *complete, *sound, *found]), None)


def _result(run: Run) -> tuple[object, ...]:
    return run.outcome, run.grokked_at, run.memorised_at, run.epochs, run.crossings


def _words(run: Run) -> str:
    when = f" at {run.grokked_at}" if run.grokked_at is not None else ""
    return f"{run.outcome.value}{when} after {run.epochs} epochs"


def _refuse_other_data(manifest: Manifest, chosen: Sequence[Found]) -> None:
    """Raise StoreError if runs of one task were trained on data sets of different content."""
    tasks = {cell.identity: cell.task for cell in (*manifest.withdrawn, *manifest.cells)}
    read: dict[tuple[str, str], tuple[str, Path]] = {}  # (task, data set) -> digest, and the first folder
    for store, run in chosen:
        for name, digest in (run.provenance.get("data") or {}).items():
            before, there = read.setdefault((tasks[run.identity], name), (digest, store.directory))
            if digest != before:
                raise StoreError(
                    f"{tasks[run.identity]} was trained on other data: {name} is {str(digest)[:16]} in "
                    f"{store.directory}, and {str(before)[:16]} in {there}. Train one of them again on the same data."
                )


def _timings(manifest: Manifest, stores: Sequence[Store]) -> Iterator[tuple[Store, Timing]]:
    """Yield at most one timing for each cell; for the cells of a task from the same folder, as far as it has them.

    A row therefore never mixes the seconds of two machines. The leaderboard compares only seconds of the same machine.
    """
    known = [(store, {timing.identity: timing for timing in store.timings()}) for store in stores]
    for task in dict.fromkeys(cell.task for cell in manifest.cells):
        identities = dict.fromkeys(cell.identity for cell in manifest.cells if cell.task == task)
        most = sorted(known, key=lambda each: -sum(_is_valid(each[1].get(name)) for name in identities))
        for name in identities:
            there = [(store, timings[name]) for store, timings in most if name in timings]
            yield from sorted(there, key=lambda each: not _is_valid(each[1]))[:1]


def _is_valid(timing: Timing | None) -> bool:
    return timing is not None and timing.refused is None


def _events(stores: Sequence[Store]) -> tuple[Declaration | Look, ...]:
    """List the events of all ledgers, folder by folder, without repeated declarations.

    Comparisons that only a later folder declares come after the looks of the earlier folders, so they form a family of
    their own.
    """
    events: list[Declaration | Look] = []
    for store in stores:
        ledger, before = store.history().ledger, Ledger(tuple(events))
        again = before.declared is not None and ledger.events[:1] == (before.declared,)
        events += ledger.events[1:] if again else ledger.events
    return tuple(events)


def _copy(store: Store, run: Run, joined: Store) -> None:
    """Copy a run with its curves, and with those of its weights that are intact."""
    planned = (*store.manifest.cells, *store.manifest.withdrawn)
    cell = next(cell for cell in planned if cell.identity == run.identity)
    for whole in store.runs_of(cell, [run.seed], curves=True):
        for name, source in store.weights.intact([whole])[0].items():
            atomic.copy(source, joined.directory / name, joined.directory)
        joined.save(whole)


def _about_runs(chosen: Sequence[Found], stores: Sequence[Store]) -> Iterator[str]:
    held = Counter(store.directory for store, _ in chosen)
    machines = {
        store.directory: {str(run.provenance.get("machine")) for each, run in chosen if each is store}
        for store in stores
    }
    for folder in (store.directory for store in stores):
        made = f", made on {listed(sorted(machines[folder]))}" if machines[folder] else ""
        yield f"{folder}: {plural(held[folder], 'replica')}{made}."
    twice = sum(len(_planned(store)) for store in stores) - len(chosen)
    if twice > 0:
        yield f"{plural(twice, 'replica')} left out, because another folder holds the same result or a complete run."


def _planned(store: Store) -> set[tuple[str, int]]:
    """Return the stored replicas of planned and of withdrawn cells."""
    return {(run.identity, run.seed) for run in (*store.runs(), *store.withdrawn_runs())}


def _about_seconds(manifest: Manifest, timings: Sequence[tuple[Store, Timing]]) -> Iterator[str]:
    tasks = {cell.identity: cell.task for cell in manifest.cells}
    of_task: dict[str, dict[Path, str]] = {}
    for store, timing in timings:
        of_task.setdefault(tasks[timing.identity], {})[store.directory] = str(timing.provenance.get("machine"))
    for task, folders in of_task.items():
        if len(folders) > 1:
            yield (
                f"{task}: seconds were measured in {listed(folders)}; each row keeps those of one machine, and only "
                "rows of one machine are compared in seconds."
            )
