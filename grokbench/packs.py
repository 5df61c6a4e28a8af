"""A results folder packed for git: what came of every replica, and curves just fine enough to be drawn.

    DIR/manifest.json     as in every results folder
    DIR/outcomes.jsonl    a line a replica: the run without its curves
    DIR/curves.jsonl      a line a replica: some POINTS of each curve, in float32
    DIR/timings.jsonl     a line a cell: seconds per epoch

`store.Store` reads it like any other folder, and unpacks it before anything is written into it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from grokbench import durable, strict_json
from grokbench.errors import StoreError
from grokbench.manifests import ManifestFile, read_manifest
from grokbench.records import FORMAT, Curve, Manifest, Run, Timing

__all__ = ["POINTS", "Key", "Pack", "thin", "write_pack"]

OUTCOMES, CURVES, TIMINGS = FILES = ("outcomes.jsonl", "curves.jsonl", "timings.jsonl")
POINTS = 200  # of a curve, about: half of them evenly spaced in the number of evaluations, half in its logarithm
THINNED = f"thinned to {POINTS} points, float32"

Key = tuple[str, int]  # identity of a cell, seed
T = TypeVar("T")


@dataclass(frozen=True)
class Curves:
    """A line of `curves.jsonl`."""

    identity: str
    seed: int
    curves: Mapping[str, Curve]


class Pack:
    """What the packed files of a folder hold; nothing where there are none.

    Attributes:
        damaged: lines that could not be read, such as `outcomes.jsonl:17`. They count as not there.
    """

    def __init__(self, directory: Path) -> None:
        """Nothing is read before it is asked for."""
        self.directory, self.damaged = directory, list[str]()

    @property
    def files(self) -> list[Path]:
        """Those that are there."""
        return [self.directory / name for name in FILES if (self.directory / name).is_file()]

    def run(self, identity: str, seed: int, curves: bool) -> Run | None:
        """What one replica did, None where that is not known; curves only when asked for."""
        run = self.runs.get((identity, seed))
        return replace(run, curves=self._curves.get((identity, seed), {})) if run and curves else run

    @cached_property
    def runs(self) -> dict[Key, Run]:
        """What every replica did, without curves."""
        return {(run.identity, run.seed): run for run in self._lines(OUTCOMES, Run)}

    @cached_property
    def timings(self) -> dict[str, Timing]:
        """Identity of a cell -> its seconds per epoch."""
        return {timing.identity: timing for timing in self._lines(TIMINGS, Timing)}

    @cached_property
    def _curves(self) -> dict[Key, Mapping[str, Curve]]:
        return {(line.identity, line.seed): line.curves for line in self._lines(CURVES, Curves)}

    def _lines(self, name: str, kind: Callable[..., T]) -> Iterator[T]:
        try:
            with strict_json.open_file(self.directory / name) as file:
                for number, line in enumerate(iter(lambda: file.readline(strict_json.LONGEST), b""), 1):
                    if (found := self._parsed(kind, line, f"{name}:{number}")) is not None:
                        yield found
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            self.damaged.append(name)

    def _parsed(self, kind: Callable[..., T], line: bytes, where: str) -> T | None:
        try:
            found: T = strict_json.parse(kind, line)
            return found
        except ValueError:  # pydantic's errors are ValueErrors
            self.damaged.append(where)
            return None


def write_pack(directory: Path, manifest: Manifest, runs: Iterable[Run], timings: Iterable[Timing]) -> int:
    """Write a packed folder, in place of an earlier one of the same suite; returns its size in bytes.

    Raises:
        StoreError: the folder cannot be written, holds anything else, or holds replicas that `runs` lacks.
    """
    outcomes, curves, keys = list[bytes](), list[bytes](), set[Key]()
    for run in runs:
        keys.add((run.identity, run.seed))
        thinned = {label: thin(curve) for label, curve in run.curves.items()}
        curves.append(strict_json.dump(Curves(run.identity, run.seed, thinned)))
        outcomes.append(strict_json.dump(replace(run, curves={}, provenance={**run.provenance, "curves": THINNED})))
    _may_replace(directory, manifest, keys)
    contents = {
        CURVES: b"".join(curves),
        TIMINGS: b"".join(map(strict_json.dump, timings)),
        OUTCOMES: b"".join(outcomes),
        "manifest.json": strict_json.dump(ManifestFile(FORMAT, manifest)),
    }
    for name, content in contents.items():
        durable.write(directory / name, content)
    return sum(map(len, contents.values()))


def _may_replace(directory: Path, manifest: Manifest, keys: set[Key]) -> None:
    """Refuse to write over anything but an earlier pack whose replicas are all there again."""
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    there = read_manifest(directory) if (directory / "manifest.json").exists() else None
    pack = Pack(directory)
    if there is None or there.suite != manifest.suite or (directory / "runs").exists() or not pack.files:
        raise StoreError(f"{directory} holds something else than a packed {manifest.suite}: choose another --out.")
    if lost := pack.runs.keys() - keys:
        them = "1 replica that is" if len(lost) == 1 else f"{len(lost)} replicas that are"
        raise StoreError(
            f"{directory} holds {them} not in the folder to be packed: run the suite into a copy of {directory} and "
            "pack that, or choose another --out."
        )


def thin(curve: Curve) -> Curve:
    """At most POINTS + 1 points of a curve, its first and last among them, values rounded to float32."""
    n = len(curve.epochs)
    if n > POINTS:
        spaced = np.concatenate([np.linspace(0, n - 1, POINTS // 2), np.geomspace(1, n - 1, POINTS // 2), [0, n - 1]])
        kept = np.unique(spaced.round().astype(int)).tolist()
        curve = Curve(tuple(curve.epochs[i] for i in kept), tuple(curve.values[i] for i in kept))
    return replace(curve, values=tuple(_single(value) for value in curve.values))


def _single(value: float) -> Any:
    """The shortest decimal number that float32 cannot tell from this one."""
    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))
