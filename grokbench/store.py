"""The results folder: one crash-safe file per replica. The only room that knows this layout.

    DIR/manifest.json                           what the folder is meant to hold, and the format of all its files
    DIR/runs/<identity>/<seed>.json             a replica, two lines of JSON: the run without its curves, the curves
    DIR/timings/<identity>.json                 seconds per epoch of a cell
    DIR/superseded/<identity>/<seed>.<n>.json   replicas that were trained again, the oldest is n = 1
    DIR/.lock                                   held by the process that writes

A leaderboard reads first lines only, so hundreds of replicas with long curves cost milliseconds. Values that JSON
does not know are the strings "NaN", "Infinity" and "-Infinity".
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from grokbench import durable
from grokbench.errors import StoreError
from grokbench.records import FORMAT, Cell, Curve, Manifest, Outcome, Run, Timing

__all__ = ["Store", "merge"]

T = TypeVar("T")

FIRST_REPORTED = 1000  # seeds below are for calibration and tuning


@dataclass(frozen=True)
class ManifestFile:
    """What `manifest.json` holds."""

    format: int
    manifest: Manifest


@dataclass(frozen=True)
class Head:
    """The first line of a replica's file."""

    curves_bytes: int  # length of the second line: a truncated file is noticed without reading it
    run: Run


class Store:
    """A results folder, opened to be written (`Store.open`) or read (`Store.load`).

    Attributes:
        directory: the folder.
        manifest: what it is meant to hold.
        damaged: files that `runs`, `finished` or `timings` could not read, as paths below the folder. They count
            as not there.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Use `open` or `load`, which check the folder."""
        self.directory, self.manifest = directory, manifest
        self.damaged: list[str] = []

    @classmethod
    def open(cls, directory: str | Path, manifest: Manifest) -> "Store":
        """Make the folder, or go on with one that holds earlier runs of the same suite (see `merge`).

        Raises:
            StoreError: the folder holds something else, cannot be written, or another process is writing to it.
        """
        directory = Path(directory)
        durable.make_folder(directory)
        with durable.locked(directory):
            durable.clean(directory)
            if (directory / "manifest.json").exists():
                manifest = merge(_read_manifest(directory), manifest, directory)
            durable.write(directory / "manifest.json", _json(ManifestFile(FORMAT, manifest)))
        return cls.load(directory)

    @classmethod
    def load(cls, directory: str | Path) -> "Store":
        """Read an existing folder; nothing is written.

        Raises:
            StoreError: there is no such folder, it is no results folder, or its manifest is damaged.
        """
        return cls(Path(directory), _read_manifest(Path(directory)))

    def lock(self) -> AbstractContextManager[None]:
        """Keep other processes from writing to this folder; the system lets go of it when this process ends.

        Raises:
            StoreError: another process is writing.
        """
        return durable.locked(self.directory)

    def save(self, run: Run) -> None:
        """Keep what one replica did, in place of what was stored for it.

        Raises:
            StoreError: the folder cannot be written.
        """
        path, curves = self._run_path(run.identity, run.seed), _json(run.curves)
        durable.write(path, _json(Head(len(curves), replace(run, curves={}))) + curves)
        self.damaged = [name for name in self.damaged if name != self._name(path)]

    def runs(self, curves: bool = False) -> list[Run]:
        """The stored runs of planned cells and planned seeds, in the manifest's order; without `curves` by default."""
        pairs = [(cell, seed) for cell in self.manifest.cells for seed in self.manifest.seeds]
        return [run for cell, seed in pairs if (run := self._run(cell, seed, curves)) is not None]

    def runs_of(self, cell: Cell, seeds: Iterable[int]) -> list[Run]:
        """The stored runs of one cell, without curves."""
        return [run for seed in seeds if (run := self._run(cell, seed, curves=False)) is not None]

    def finished(self, cell: Cell, seeds: Iterable[int]) -> set[int]:
        """Those of `seeds` whose stored run of `cell` answers the request, and so need not be trained again.

        It does when it grokked within the budget, reached the budget or diverged, and holds every metric asked for.
        """
        stored = self.runs_of(cell, seeds)
        return {run.seed for run in stored if _ended(run, cell) and _holds(run, cell)}

    def supersede(self, identity: str, seed: int) -> None:
        """Move a stored run to `superseded/`, so that it is trained again; one that is not there is left at that.

        Raises:
            StoreError: the folder cannot be written.
        """
        source, folder = self._run_path(identity, seed), self._path("superseded", identity)
        if source.exists():
            earlier = len(list(folder.glob(f"{seed}.*.json")))
            durable.move(source, folder / f"{seed}.{earlier + 1}.json")

    def save_timing(self, timing: Timing) -> None:
        """Keep the seconds per epoch of a cell, in place of what was stored for it.

        Raises:
            StoreError: the folder cannot be written.
        """
        durable.write(self._path("timings", f"{timing.identity}.json"), _json(timing))

    def timings(self) -> list[Timing]:
        """The stored timings of planned cells, in the manifest's order."""
        paths = [self._path("timings", f"{cell.identity}.json") for cell in self.manifest.cells]
        return [timing for path in paths if (timing := self._readable(path, _read_timing)) is not None]

    def status(self) -> Counter[str]:
        """Counts of replicas: `planned`, each `Outcome`, and `missing`, which includes those whose file is damaged."""
        runs = self.runs()
        planned = len(self.manifest.cells) * len(self.manifest.seeds)
        counts = Counter({outcome.value: 0 for outcome in Outcome})
        counts.update(run.outcome.value for run in runs)
        counts.update(planned=planned, missing=planned - len(runs))
        return counts

    def _path(self, *names: str) -> Path:
        """A path below the folder. A manifest is only data: a name that would lead out of the folder is refused."""
        if strange := [name for name in names if not re.fullmatch(r"[\w-][\w.-]*", name)]:
            raise StoreError(f"{strange[0]!r} cannot name a file in {self.directory}: expected letters, digits, . - _.")
        return self.directory.joinpath(*names)

    def _run_path(self, identity: str, seed: int) -> Path:
        return self._path("runs", identity, f"{seed}.json")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.directory).as_posix()

    def _run(self, cell: Cell, seed: int, curves: bool) -> Run | None:
        return self._readable(self._run_path(cell.identity, seed), _read_run if curves else _read_head)

    def _readable(self, path: Path, read: Callable[[Path], T]) -> T | None:
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # pydantic's errors are ValueErrors
            self.damaged = sorted({*self.damaged, self._name(path)})
            return None


def merge(stored: Manifest, planned: Manifest, where: str | Path) -> Manifest:
    """What the folder `where`, which holds `stored`, is meant to hold once `planned` is run into it.

    Seeds are the union, in ascending order; everything else is as planned now. Files of cells that are no longer
    planned stay on disk and are not shown; they are found again when those cells are planned again.

    Raises:
        StoreError: the two cannot be one leaderboard: another suite, baseline, device kind, precision or engine
            revision, or not one cell in common.
    """
    if differences := _differences(stored, planned):
        raise StoreError(
            f"{where} holds results that cannot be shown beside these: {'; '.join(differences)}. "
            f"Choose another folder with --out, or delete {where}."
        )
    return replace(planned, seeds=tuple(sorted({*stored.seeds, *planned.seeds})))


def _differences(stored: Manifest, planned: Manifest) -> list[str]:
    was, now = _facts(stored), _facts(planned)
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    if _purposes(stored) != _purposes(planned):
        there, here = " and ".join(_purposes(stored)), " and ".join(_purposes(planned))
        return [f"it holds seeds for {there}, and these are for {here} (calibration below {FIRST_REPORTED})"]
    if not changed and not {cell.identity for cell in stored.cells} & {cell.identity for cell in planned.cells}:
        return [f"the suite {stored.suite!r} there has not one cell in common with this one"]
    return [f"{key} was {was.get(key)!r} and is now {now.get(key)!r}" for key in changed]


def _purposes(manifest: Manifest) -> list[str]:
    """What the seeds are for: settings are never chosen on the seeds that are reported."""
    return sorted({"calibration" if seed < FIRST_REPORTED else "reporting" for seed in manifest.seeds})


def _facts(manifest: Manifest) -> dict[str, Any]:
    """What all runs of a folder share, as it is after a round trip through JSON (lists for tuples)."""
    facts = {"suite": manifest.suite, "baseline": manifest.baseline, **manifest.execution}
    return _parse(dict[str, Any], _json(facts))


def _ended(run: Run, cell: Cell) -> bool:
    """Whether a run says what would happen within the cell's budget: it ended by itself, or went at least as far."""
    if run.outcome is Outcome.FAILED:
        return False
    stopped = run.outcome is Outcome.GROKKED and cell.recipe.get("stop") != "budget"
    return stopped or run.outcome is Outcome.DIVERGED or run.epochs >= cell.budget


def _holds(run: Run, cell: Cell) -> bool:
    """Whether a run holds every metric of the cell, measured as it is now asked for."""
    measured = run.provenance.get("measured") or {}
    same = all(measured.get(label) == dict(how) for label, how in cell.measured.items())
    return same and set(cell.metrics) <= set(run.final)


def _json(data: Any) -> bytes:
    """A line of strict JSON."""
    return to_json(data, inf_nan_mode="strings") + b"\n"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _parse(kind: Any, line: bytes) -> Any:
    """Data of this type from a line of JSON; a ValueError where it is anything else."""
    return _adapter(kind).validate_json(line)


def _read_timing(path: Path) -> Timing:
    return _parse(Timing, path.read_bytes())


def _read_head(path: Path) -> Run:
    """A run without its curves; a ValueError where the file is not whole, or that of another replica."""
    with path.open("rb") as file:
        line = file.readline()
        head: Head = _parse(Head, line)
        if os.fstat(file.fileno()).st_size != len(line) + head.curves_bytes:
            raise ValueError(f"{path} is not as long as its first line says")
    if (head.run.identity, str(head.run.seed)) != (path.parent.name, path.stem):
        raise ValueError(f"{path} holds another replica")
    return head.run


def _read_run(path: Path) -> Run:
    _, curves = path.read_bytes().split(b"\n", maxsplit=1)
    return replace(_read_head(path), curves=_parse(dict[str, Curve], curves))


def _read_manifest(directory: Path) -> Manifest:
    try:
        content: ManifestFile = _parse(ManifestFile, (directory / "manifest.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"{directory} is not a results folder: it holds no manifest.json. "
            f"Name a folder that `grokbench run` wrote, such as runs/quick."
        ) from None
    except (OSError, ValidationError) as error:
        why = f"{error.error_count()} errors in it" if isinstance(error, ValidationError) else error.strerror
        raise StoreError(
            f"{directory / 'manifest.json'} cannot be read ({why}). Put back a copy of it, or choose another folder."
        ) from error
    if content.format != FORMAT:
        raise StoreError(
            f"{directory} has format {content.format}, and this version of grokbench reads format {FORMAT}. "
            f"Use the version of grokbench that wrote it, or choose another folder with --out."
        )
    return content.manifest
