"""The results folder: one crash-safe file per replica. The only room that knows this layout.

    DIR/manifest.json                           what the folder is meant to hold, and the format of all its files
    DIR/runs/<identity>/<seed>.json             a replica, two lines of JSON: the run without its curves, the curves
    DIR/timings/<identity>.json                 seconds per epoch of a cell
    DIR/superseded/<identity>/<seed>.<n>.json   replicas that were trained again, the oldest is n = 1
    DIR/checkpoints/<identity>/<group>.npz      where a group in training stood; gone when it is done
    DIR/.lock                                   held by the process that writes

A folder may be packed instead (`packs.py`). A leaderboard reads first lines only, so hundreds of replicas with long
curves cost milliseconds.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from grokbench import durable, strict_json
from grokbench.errors import StoreError
from grokbench.freshness import satisfies
from grokbench.manifests import ManifestFile, merge, read_manifest
from grokbench.packs import NAME, Pack, listed
from grokbench.records import FORMAT, Cell, Manifest, Outcome, Run, Timing
from grokbench.run_files import read_head, read_run, read_timing, write_run

__all__ = ["Store"]

T = TypeVar("T")

FOLDERS = ("runs", "timings", "superseded", "checkpoints")


class Store:
    """A results folder, opened to be written (`Store.open`) or read (`Store.load`).

    Attributes:
        directory: the folder.
        manifest: what it is meant to hold.
        damaged: files, or lines of packed ones, that `runs`, `finished` or `timings` could not read, as paths below
            the folder. They count as not there.
        packed: what its packed files hold.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Use `open` or `load`, which check the folder."""
        self.directory, self.manifest = directory, manifest
        self.damaged: list[str] = []
        self.packed = Pack(directory)

    @classmethod
    @contextmanager
    def open(cls, directory: str | Path, manifest: Manifest) -> "Iterator[Store]":
        """Make the folder, or go on with one that holds earlier runs of the same suite (see `merge`), unpacked.

        No other process can write to it until the `with` block ends, or this process does.

        Raises:
            StoreError: the folder holds something else, cannot be written, is packed and damaged, or another process
                is writing to it.
        """
        directory = Path(directory)
        durable.make_folder(directory)
        with durable.locked(directory):
            durable.clean(directory, FOLDERS)
            if (directory / "manifest.json").exists():
                manifest = merge(read_manifest(directory), manifest, directory)
            durable.write(directory / "manifest.json", strict_json.dump(ManifestFile(FORMAT, manifest)))
            store = cls.load(directory)
            store._unpack()
            yield store

    @classmethod
    def load(cls, directory: str | Path) -> "Store":
        """Read an existing folder; nothing is written.

        Raises:
            StoreError: there is no such folder, it is no results folder, or its manifest is damaged.
        """
        return cls(Path(directory), read_manifest(Path(directory)))

    @property
    def busy(self) -> bool:
        """Whether a process is writing to the folder now."""
        return durable.is_locked(self.directory)

    def save(self, run: Run) -> None:
        """Keep what one replica did, in place of what was stored for it; a failure supersedes what had finished.

        Raises:
            StoreError: the folder cannot be written.
        """
        path = self._run_path(run.identity, run.seed)
        if run.outcome is Outcome.FAILED:
            stored = self._readable(path, read_head)
            if stored and stored.outcome is not Outcome.FAILED:
                self.supersede(run.identity, run.seed)
        write_run(path, run)
        self.damaged = [name for name in self.damaged if name != self._name(path)]

    def runs(self, curves: bool = False) -> list[Run]:
        """The stored runs of planned cells and planned seeds, in the manifest's order; without `curves` by default."""
        return list(self.each_run(curves))

    def each_run(self, curves: bool = False) -> Iterator[Run]:
        """The same, one at a time: the long curves of a folder that is not packed need not be in memory at once."""
        for cell in self.manifest.cells:
            for seed in self.manifest.seeds:
                if (run := self._run(cell, seed, curves)) is not None:
                    yield run

    def runs_of(self, cell: Cell, seeds: Iterable[int], curves: bool = False) -> list[Run]:
        """The stored runs of one cell; without `curves` by default."""
        return [run for seed in seeds if (run := self._run(cell, seed, curves)) is not None]

    def finished(self, cell: Cell, seeds: Iterable[int]) -> set[int]:
        """Those of `seeds` whose stored run of `cell` satisfies the request, and so need not be trained again."""
        return {run.seed for run in self.runs_of(cell, seeds) if satisfies(run, cell)}

    def supersede(self, identity: str, seed: int) -> None:
        """Move a stored run to `superseded/`, so that it is trained again; one that is not there is left at that.

        Raises:
            StoreError: the folder cannot be written.
        """
        source, folder = self._run_path(identity, seed), self._path("superseded", identity)
        if source.exists():
            numbers = [path.name.split(".")[1] for path in folder.glob(f"{seed}.*.json")]
            latest = max((int(number) for number in numbers if number.isdecimal()), default=0)
            durable.move(source, folder / f"{seed}.{latest + 1}.json")

    def checkpoints(self, cell: Cell) -> Path:
        """Where the groups of a cell keep where they stand: written by workers, and read by nobody else."""
        return self._path("checkpoints", cell.identity)

    def forget_checkpoints(self, cell: Cell) -> None:
        """Let the groups of a cell begin at their beginning."""
        for file in self.checkpoints(cell).glob("*.npz"):
            file.unlink(missing_ok=True)

    def save_timing(self, timing: Timing) -> None:
        """Keep the seconds per epoch of a cell, in place of what was stored for it.

        Raises:
            StoreError: the folder cannot be written.
        """
        durable.write(self._path("timings", f"{timing.identity}.json"), strict_json.dump(timing))

    def timings(self) -> list[Timing]:
        """The stored timings of planned cells, in the manifest's order."""
        found = [self._timing(cell.identity) for cell in self.manifest.cells]
        return [timing for timing in found if timing is not None]

    def stored(self) -> set[tuple[str, str]]:
        """The identity and the seed of every stored replica, planned or not, as files and lines name them."""
        files = {(path.parent.name, path.stem) for path in self.directory.glob("runs/*/*.json")}
        return files | {(identity, str(seed)) for identity, seed in self.packed.runs}

    def _path(self, *names: str) -> Path:
        """A path below the folder. A manifest is only data: a name that would lead out of the folder is refused."""
        if strange := [name for name in names if not NAME.fullmatch(name)]:
            raise StoreError(f"{strange[0]!r} cannot name a file in {self.directory}: expected letters, digits, . - _.")
        return self.directory.joinpath(*names)

    def _run_path(self, identity: str, seed: int) -> Path:
        return self._path("runs", identity, f"{seed}.json")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.directory).as_posix()

    def _run(self, cell: Cell, seed: int, curves: bool) -> Run | None:
        read = read_run if curves else read_head
        return self._readable(self._run_path(cell.identity, seed), read) or self._entered(
            self.packed.run(cell.identity, seed, curves)
        )

    def _timing(self, identity: str) -> Timing | None:
        path = self._path("timings", f"{identity}.json")
        return self._readable(path, read_timing) or self._entered(self.packed.timings.get(identity))

    def _entered(self, found: T | None) -> T | None:
        """What was found in the pack; the lines that reading it showed to be damaged are entered."""
        self.damaged = sorted({*self.damaged, *self.packed.damaged})
        return found

    def _unpack(self) -> None:
        """Give every packed replica and timing its own file, unless a sound one is there, then drop the packed files.

        Raises:
            StoreError: something in the pack is damaged: it would be lost.
        """
        runs, timings = self.packed.everything(), self.packed.timings.values()
        if damaged := self.packed.damaged:
            raise StoreError(
                f"{self.directory} is packed, and {listed(damaged)} cannot be read: put back a good copy (from git), "
                "or delete what is damaged to have it made again."
            )
        for run in runs:
            if self._readable(path := self._run_path(run.identity, run.seed), read_head) is None:
                write_run(path, run)
        for timing in timings:
            if self._readable(self._path("timings", f"{timing.identity}.json"), read_timing) is None:
                self.save_timing(timing)
        for file in self.packed.files:
            durable.remove(file)
        self.damaged, self.packed = [], Pack(self.directory)

    def _readable(self, path: Path, read: Callable[[Path], T]) -> T | None:
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # pydantic's errors are ValueErrors
            self.damaged = sorted({*self.damaged, self._name(path)})
            return None
