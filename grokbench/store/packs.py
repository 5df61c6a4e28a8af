"""A results folder packed for git: the run of every replica, with curves thinned for drawing.

    DIR/manifest.json     as in every results folder
    DIR/outcomes.jsonl    one line per replica: the run without its curves
    DIR/curves.jsonl      one line per replica: at most POINTS points of each curve, in float32
    DIR/timings.jsonl     one line per cell: seconds per epoch
    DIR/ledger.jsonl      as in every results folder
    DIR/weights/          as in every results folder, with `pack --weights`

`store.Store` reads a packed folder like any other, and unpacks the folder before writing to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from grokbench.io import json_lines
from grokbench.io.files import file_size, open_file
from grokbench.records import Cell, Curve, Ledger, Manifest, Run, Snapshots, Timing
from grokbench.store.layout import NAME
from grokbench.store.ledger import ledger_lines
from grokbench.store.manifests import manifest_line
from grokbench.store.privacy import public_manifest, public_run, public_timing

__all__ = ["CURVES", "FILES", "LEADERBOARD", "POINTS", "Curves", "Key", "Pack", "listed", "packed", "thin"]

OUTCOMES, CURVES, TIMINGS = FILES = ("outcomes.jsonl", "curves.jsonl", "timings.jsonl")
LEADERBOARD = "leaderboard.md"  # the leaderboard, for people who browse the repository
MOST_DAMAGED = 1000  # most damaged lines that are named; after that, the rest of a file is not read
POINTS = 200  # most points of a curve: half are evenly spaced in the number of evaluations, half in its logarithm
LARGEST = 2**27  # most bytes of a packed file that is read, because it is held in memory; hosts of git refuse 100 MB
THINNED = f"thinned to {POINTS} points, float32"

Key = tuple[str, int]  # identity of a cell, seed
K = TypeVar("K")
T = TypeVar("T", Run, Timing, "Curves")


@dataclass(frozen=True)
class Curves:
    """The thinned curves of one replica: a line of `curves.jsonl`.

    Attributes:
        identity: the identity of the cell.
        seed: the seed of the replica.
        curves: metric label -> thinned curve.
    """

    identity: str
    seed: int
    curves: Mapping[str, Curve]

    def __post_init__(self) -> None:
        """Refuse curves that were not thinned, because a file may have been edited."""
        if any(len(curve.epochs) > POINTS for curve in self.curves.values()):
            raise ValueError(f"a curve of more than {POINTS} points")


class Pack:
    """The contents of the packed files of a folder; empty if there are none.

    Attributes:
        directory: the folder.
        damaged: the lines, such as `outcomes.jsonl:17`, that cannot be read, contradict an earlier line or belong to no
            replica; and the files that cannot be read. All of these count as missing.
    """

    def __init__(self, directory: Path) -> None:
        """Set the folder; each file is read only when it is needed."""
        self.directory, self.damaged = directory, list[str]()

    @property
    def files(self) -> list[Path]:
        """The packed files that exist, and the leaderboard for people if it exists."""
        return [file for name in (*FILES, LEADERBOARD) if (file := self.directory / name).is_file()]

    def run(self, identity: str, seed: int, curves: bool) -> Run | None:
        """Return the run of one replica, or None if there is none; without `curves`, the run has no curves."""
        run = self.runs.get((identity, seed))
        return replace(run, curves=self.curves.get((identity, seed), {})) if run and curves else run

    @cached_property
    def runs(self) -> dict[Key, Run]:
        """The run of every replica, without curves."""
        return self._read(OUTCOMES, Run, lambda run: (run.identity, run.seed))

    @cached_property
    def timings(self) -> dict[str, Timing]:
        """Identity of a cell -> its seconds per epoch."""
        return self._read(TIMINGS, Timing, lambda timing: timing.identity)

    @cached_property
    def curves(self) -> dict[Key, Mapping[str, Curve]]:
        """The thinned curves of every replica."""
        found = self._read(CURVES, Curves, lambda line: (line.identity, line.seed), self._fit)
        return {key: line.curves for key, line in found.items()}

    def everything(self) -> list[Run]:
        """List every run with its curves; afterwards `damaged` names everything that is wrong with the pack."""
        if strays := self.curves.keys() - self.runs.keys():
            replicas = "1 replica" if len(strays) == 1 else f"{len(strays)} replicas"
            self.damaged.append(f"{CURVES} (curves of {replicas} without an outcome)")
        self.timings  # noqa: B018 - reading them shows whether they are damaged
        return [replace(run, curves=self.curves.get(key, {})) for key, run in self.runs.items()]

    def _fit(self, line: Curves) -> bool:
        """Return whether curves end no later than their replica's run; True if there is no run."""
        run = self.runs.get((line.identity, line.seed))
        ends = [curve.epochs[-1] for curve in line.curves.values() if curve.epochs]
        return run is None or max(ends, default=0) <= run.epochs

    def _read(
        self, name: str, kind: type[T], key: Callable[[T], K], sound: Callable[[T], bool] = lambda record: True
    ) -> dict[K, T]:
        found: dict[K, T] = {}
        for where, line in self._lines(name):
            record = _parsed(kind, line)
            if record is None or not sound(record) or found.setdefault(key(record), record) != record:
                self.damaged.append(where)
            if len(self.damaged) > MOST_DAMAGED:
                self.damaged.append(f"{name} (the rest of it)")
                break
        return found

    def _lines(self, name: str) -> Iterator[tuple[str, bytes]]:
        try:
            with open_file(self.directory / name) as file:
                if file_size(file) > LARGEST:
                    raise ValueError(f"longer than {LARGEST} bytes")
                lines = iter(lambda: file.readline(json_lines.LONGEST), b"")
                yield from ((f"{name}:{number}", line) for number, line in enumerate(lines, 1))
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            self.damaged.append(name)


def _parsed(kind: type[T], line: bytes) -> T | None:
    """Read the record of a line; None if the line holds other data, or if its identity cannot name a file."""
    try:
        found: T = json_lines.parse(kind, line)
    except ValueError:  # pydantic's errors are ValueErrors
        return None
    return found if NAME.fullmatch(found.identity) else None


def packed(
    manifest: Manifest,
    runs: Iterable[Run],
    timings: Iterable[Timing],
    weights: bool = False,
    ledger: Ledger = Ledger(),  # noqa: B008 - frozen
) -> dict[str, bytes]:
    """Make the files of a packed folder, without the private parts of its texts (see `privacy`).

    Args:
        manifest: the manifest of the folder.
        runs: the runs with their curves, which are thinned here.
        timings: the timings of the folder's cells.
        weights: whether kept weights are packed, too. If not, manifest and runs do not mention them.
        ledger: the ledger of the folder; an empty ledger makes no file.

    Returns:
        File name -> content.
    """
    outcomes, curves = list[bytes](), list[bytes]()
    if not weights:
        manifest = replace(manifest, cells=_weightless(manifest.cells), withdrawn=_weightless(manifest.withdrawn))
    for run in map(public_run, runs):
        run = run if weights else replace(run, weights={})
        thinned = {label: thin(curve) for label, curve in run.curves.items()}
        curves.append(json_lines.dump(Curves(run.identity, run.seed, thinned)))
        outcomes.append(json_lines.dump(replace(run, curves={}, provenance={**run.provenance, "curves": THINNED})))
    return {
        "manifest.json": manifest_line(public_manifest(manifest)),
        OUTCOMES: b"".join(outcomes),
        CURVES: b"".join(curves),
        TIMINGS: b"".join(json_lines.dump(public_timing(timing)) for timing in timings),
    } | ({"ledger.jsonl": ledger_lines(ledger)} if ledger.events else {})


def _weightless(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    return tuple(replace(cell, weights=Snapshots()) for cell in cells)


def listed(damaged: list[str], most: int = 5) -> str:
    """Name damaged things in a sentence: the first few, then how many more.

    Args:
        damaged: the names of the damaged things, in order.
        most: the largest number of names.
    """
    more = f" and {len(damaged) - most} more" if len(damaged) > most else ""
    return f"{', '.join(damaged[:most])}{more}"


def thin(curve: Curve) -> Curve:
    """Thin a curve to at most POINTS points, including its first and last; values are rounded to float32."""
    import numpy as np  # late: `--help` needs no arrays

    n = len(curve.epochs)
    if n > POINTS:
        spaced = np.concatenate([np.linspace(0, n - 1, POINTS // 2), np.geomspace(1, n - 1, POINTS // 2)])
        kept = np.unique(spaced.round().astype(int)).tolist()
        curve = Curve(tuple(curve.epochs[i] for i in kept), tuple(curve.values[i] for i in kept))
    return replace(curve, values=tuple(_single(value) for value in curve.values))


def _single(value: float) -> float:
    """Return the shortest decimal number that rounds to the same float32 number."""
    import numpy as np

    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))
