"""The results folder: one crash-safe file per replica, in the places that `layout` defines.

A leaderboard reads only the first line of each file, so reading hundreds of replicas with long curves takes
milliseconds. The modules of this package:

    layout           the paths in the folder
    manifests        the planned contents of the folder
    ledger           what was declared, and when the folder was judged
    run_files        the files of replicas
    weights_files    the files of their weights
    activity         the run that works on the folder, and where its jobs are
    notices          sentences about jobs
    inbox            what jobs of a scheduler have finished
    packs            small copies of folders for git
    reuse            the rules by which stored runs are trained again
    status           counts of runs, and sentences about them
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from grokbench.errors import StoreError
from grokbench.io import atomic, json_lines, links, locks
from grokbench.records import Cell, History, Ledger, Look, Manifest, Outcome, Run, Timing, reached_end
from grokbench.records.families import families
from grokbench.store import ledger
from grokbench.store.activity import ActivityFile
from grokbench.store.inbox import Inbox
from grokbench.store.layout import FOLDERS, UNCOMPILED, WRITTEN, Layout
from grokbench.store.manifests import manifest_line, merge, read_manifest
from grokbench.store.notices import Notices
from grokbench.store.packs import Pack, listed
from grokbench.store.reuse import satisfies
from grokbench.store.run_files import Heads, read_head, read_run, read_timing, write_run
from grokbench.store.weights_files import WeightsFiles

__all__ = ["Store"]

T = TypeVar("T")


class Store:
    """A results folder, opened for writing (`Store.open`) or for reading (`Store.load`).

    Attributes:
        directory: the folder.
        manifest: the planned contents of the folder.
        layout: the paths in the folder.
        damaged: the files, or lines of packed files, that `runs`, `finished` or `timings` could not read, as paths
            relative to the folder. They count as missing.
        packed: the contents of the folder's packed files.
        weights: the files of kept weights.
        activity: the record of the run that works on the folder.
        notices: the notices about jobs.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Set the folder and its manifest, which `open` or `load` has checked."""
        self.directory, self.manifest, self.layout = directory, manifest, Layout(directory)
        self.damaged: list[str] = []
        self.packed = Pack(directory)
        self.weights = WeightsFiles(self.layout)
        self.activity, self.notices = ActivityFile(self.layout.activity), Notices(self.layout.notices)
        self._heads = Heads()

    @classmethod
    @contextmanager
    def open(
        cls,
        directory: str | Path,
        manifest: Manifest,
        past: Ledger = Ledger(),  # noqa: B008 - frozen
    ) -> "Iterator[Store]":
        """Make the folder, or open the folder of earlier runs of the same suite.

        A packed folder is unpacked, and the given manifest is merged with the folder's own, see `merge`. No other
        process can write to the folder until the `with` block or this process ends.

        Args:
            directory: the folder.
            manifest: the planned contents of the folder from now on.
            past: the events with which the ledger of a new folder begins.

        Raises:
            StoreError: the folder holds other results or a link, cannot be written, or has damaged packed files; or
                another process is writing to it.
        """
        directory, layout = Path(directory), Layout(Path(directory))
        links.refuse_all(directory, WRITTEN)
        atomic.make_folder(directory)
        with locks.locked(directory):
            if not layout.inbox.exists():  # otherwise jobs of a scheduler may be writing checkpoints
                atomic.clean(directory, FOLDERS)
            if layout.manifest.exists():
                manifest = merge(read_manifest(directory), manifest, directory)
                cls.load(directory)._catch_up()
            ledger.begin(directory, past)
            ledger.declare(directory, manifest)  # before the manifest, so that a kill loses no comparison
            atomic.write(layout.manifest, manifest_line(_without_replaced(manifest, directory)), directory)
            store = cls.load(directory)
            store._unpack()
            store._take_in()
            store.activity.clear()
            try:
                yield store
            finally:
                with suppress(StoreError):  # such as a folder that was removed: the reason is known already
                    store.activity.clear()
                    store._drop_checkpoints()
                atomic.remove_empty(layout.checkpoints_of_cells())

    @classmethod
    def load(cls, directory: str | Path) -> "Store":
        """Open an existing folder for reading; nothing is written.

        Raises:
            StoreError: the folder does not exist, is not a results folder, or has a damaged manifest.
        """
        return cls(Path(directory), read_manifest(Path(directory)))

    @property
    def busy(self) -> bool:
        """True while a process is writing to the folder."""
        return locks.is_locked(self.directory)

    def reload(self) -> None:
        """Read the manifest again, and later the files that have changed since they were read.

        Raises:
            StoreError: see `load`.
        """
        self.manifest = read_manifest(self.directory)
        self.damaged, self.packed = [], Pack(self.directory)

    def save(self, run: Run) -> None:
        """Store a run in place of the replica's stored run.

        If the new run failed and the stored run did not, the stored run is moved to `superseded/`.

        Raises:
            StoreError: the folder cannot be written.
        """
        path = self.layout.run(run.identity, run.seed)
        if run.outcome is Outcome.FAILED:
            stored = self._readable(path, read_head)
            if stored and stored.outcome is not Outcome.FAILED:
                self.supersede(run.identity, run.seed)
        write_run(path, replace(run, error=_storable(run.error)), self.directory)
        if run.outcome is not Outcome.FAILED:
            self.weights.drop_others(run)
        self.damaged = [name for name in self.damaged if name != self.layout.name(path)]

    def runs(self, curves: bool = False) -> list[Run]:
        """List the stored runs of planned cells and seeds, in the manifest's order; by default without curves."""
        return list(self.each_run(curves))

    def each_run(self, curves: bool = False) -> Iterator[Run]:
        """Yield the runs of `runs` one by one; if the folder is not packed, memory holds the curves of only one run."""
        return self._runs_of(self.manifest.cells, curves)

    def withdrawn_runs(self, curves: bool = False) -> Iterator[Run]:
        """Yield the stored runs of cells that the suite no longer has, see `Manifest.withdrawn`."""
        return self._runs_of(self.manifest.withdrawn, curves)

    def history(self) -> History:
        """Read the ledger and the runs of withdrawn cells, on which the judgement of the folder also depends.

        Raises:
            StoreError: the ledger is damaged.
        """
        return History(ledger.read_ledger(self.directory), tuple(self.withdrawn_runs()))

    def look(self, found: bool = False) -> None:
        """Record a look in the ledger: how many replicas of each cell are complete when the folder is judged.

        Args:
            found: True if the folder was opened rather than judged. A look is then recorded only if more replicas have
                finished since the last look.

        Raises:
            StoreError: the ledger is damaged or cannot be written.
        """
        cells = {cell.identity: cell for cell in (*self.manifest.withdrawn, *self.manifest.cells)}
        runs = (*self.runs(), *self.withdrawn_runs())
        finished = Counter(run.identity for run in runs if reached_end(run, cells[run.identity]))
        ledger.enter(self.directory, Look(len(self.manifest.seeds), dict(sorted(finished.items()))), found)

    def _catch_up(self) -> None:
        """Record the declaration and the look that an earlier version or a killed process failed to record."""
        if not ledger.read_ledger(self.directory).events:
            ledger.declare(self.directory, self.manifest)
        self.look(found=True)

    def _runs_of(self, cells: Iterable[Cell], curves: bool) -> Iterator[Run]:
        for cell in cells:
            yield from self._each_of(cell, self.manifest.seeds, curves)

    def _each_of(self, cell: Cell, seeds: Iterable[int], curves: bool) -> Iterator[Run]:
        """Yield the stored runs of one cell. Skip seeds without a run quickly, because there may be many."""
        files, packed = self.layout.seeds_of(cell.identity), self._entered(self.packed.runs)
        for seed in seeds:
            if str(seed) in files or (cell.identity, seed) in packed:
                if (run := self._run(cell, seed, curves)) is not None:
                    yield run

    def runs_of(self, cell: Cell, seeds: Iterable[int], curves: bool = False) -> list[Run]:
        """List the stored runs of one cell; by default without curves."""
        return list(self._each_of(cell, seeds, curves))

    def run_of(self, cell: Cell, seed: int) -> Run | None:
        """Read the stored run of one replica with its curves; None if there is none."""
        return self._run(cell, seed, curves=True)

    def finished(self, cell: Cell, seeds: Iterable[int]) -> set[int]:
        """Return those of the given seeds that need not be trained again, because their run satisfies the cell."""
        return {run.seed for run in self.runs_of(cell, seeds) if self.satisfied(run, cell)}

    def satisfied(self, run: Run, cell: Cell) -> bool:
        """Return whether a stored run satisfies its cell, and has the files of weights that the cell requests."""
        return satisfies(run, cell) and self.weights.there(run, cell)

    def supersede(self, identity: str, seed: int) -> None:
        """Move a replica's run and its weights to `superseded/`; the replica is then trained again.

        If there is no stored run, do nothing.

        Raises:
            StoreError: the folder cannot be written.
        """
        source = self.layout.run(identity, seed)
        if source.exists():
            target = self.layout.superseded(identity, seed)
            self.weights.supersede(identity, seed, target)  # first: after a kill, the next process continues here
            atomic.move(source, target, self.directory)

    def checkpoints(self, cell: Cell) -> Path:
        """Return the folder with the checkpoints of a cell's groups. Only workers read and write the checkpoints."""
        return self.layout.checkpoints(cell.identity)

    def forget_checkpoints(self, cell: Cell) -> None:
        """Delete the checkpoints of a cell's groups, so that the groups are trained from the start."""
        for file in self.checkpoints(cell).glob("*.npz"):
            atomic.remove(file, self.directory)

    def forget_failed_code(self, cell: Cell) -> None:
        """Delete the note that compiled code failed in a cell, so that it is tried again."""
        atomic.remove(self.checkpoints(cell) / UNCOMPILED, self.directory)

    def _drop_checkpoints(self) -> None:
        """Delete the checkpoints of complete cells: a group killed after its last run could not delete its own."""
        interrupted = [cell for cell in self.manifest.cells if self.checkpoints(cell).is_dir()]
        for cell in interrupted:
            if self.finished(cell, self.manifest.seeds) == set(self.manifest.seeds):
                self.forget_checkpoints(cell)

    def save_timing(self, timing: Timing) -> None:
        """Store the seconds per epoch of a cell in place of the stored ones.

        Raises:
            StoreError: the folder cannot be written.
        """
        atomic.write(self.layout.timing(timing.identity), json_lines.dump(timing), self.directory)

    def timings(self) -> list[Timing]:
        """List the stored timings of planned cells, in the manifest's order."""
        found = [self._timing(cell.identity) for cell in self.manifest.cells]
        return [timing for timing in found if timing is not None]

    def stored(self) -> set[tuple[str, str]]:
        """Return (identity, seed) of every stored replica, planned or not, as its file's name or packed line says."""
        return {*self.layout.replicas(), *((identity, str(seed)) for identity, seed in self.packed.runs)}

    def _run(self, cell: Cell, seed: int, curves: bool) -> Run | None:
        read = read_run if curves else self._heads
        return self._readable(self.layout.run(cell.identity, seed), read) or self._entered(
            self.packed.run(cell.identity, seed, curves)
        )

    def _timing(self, identity: str) -> Timing | None:
        path = self.layout.timing(identity)
        return self._readable(path, read_timing) or self._entered(self.packed.timings.get(identity))

    def _entered(self, found: T) -> T:
        """Return what was found in the pack, and add the lines that turned out to be damaged to `damaged`."""
        self.damaged = sorted({*self.damaged, *self.packed.damaged})
        return found

    def _unpack(self) -> None:
        """Write every packed replica and timing to its own file, unless a valid one exists; delete the packed files.

        Raises:
            StoreError: a part of the pack is damaged and would be lost.
        """
        runs, timings = self.packed.everything(), self.packed.timings.values()
        if damaged := self.packed.damaged:
            raise StoreError(
                f"{self.directory} is packed, and {listed(damaged)} cannot be read: put back a good copy of these "
                "files (from git), or delete the files; their runs are then trained again."
            )
        for run in runs:
            if self._readable(path := self.layout.run(run.identity, run.seed), read_head) is None:
                write_run(path, run, self.directory)
        for timing in timings:
            if self._readable(self.layout.timing(timing.identity), read_timing) is None:
                self.save_timing(timing)
        for file in self.packed.files:
            atomic.remove(file, self.directory)
        self.damaged, self.packed = [], Pack(self.directory)

    def _take_in(self) -> None:
        """Store what jobs of a scheduler finished while no command was waiting; the first run of a replica is kept."""
        inbox = Inbox(self.directory)
        for cell in self.manifest.cells:
            for seed in inbox.seeds(cell.identity):
                stored = self._readable(self.layout.run(cell.identity, seed), read_head)
                if stored is None or stored.outcome is Outcome.FAILED:
                    for event in inbox.of_replica(cell.identity, seed):
                        self.save(event) if isinstance(event, Run) else self.weights.save(event)
                inbox.forget(cell.identity, seed)
            for timing in inbox.timings(cell.identity):
                self.save_timing(timing)
                inbox.forget_timing(cell.identity)

    def _readable(self, path: Path, read: Callable[[Path], T]) -> T | None:
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # pydantic's errors are ValueErrors
            self._note_damaged(self.layout.name(path))
            return None

    def _note_damaged(self, name: str) -> None:
        """Add a file to `damaged`, which stays sorted."""
        at = bisect_left(self.damaged, name)
        if self.damaged[at : at + 1] != [name]:
            self.damaged.insert(at, name)


def _storable(error: str | None) -> str | None:
    """Escape lone surrogates, for instance from a file name that is not UTF-8, because JSON cannot hold them."""
    return None if error is None else error.encode(errors="backslashreplace").decode()


def _without_replaced(manifest: Manifest, directory: Path) -> Manifest:
    """Drop the withdrawn cells whose declaration was replaced before any replica finished under it."""
    compared = families(ledger.read_ledger(directory), manifest).identities
    return replace(manifest, withdrawn=tuple(cell for cell in manifest.withdrawn if cell.identity in compared))
