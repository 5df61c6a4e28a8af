"""The replicas of a submission that are recomputed: drawn by a hash that neither side can choose.

The hash covers the content of the folder and the base commit of the pull request, so anyone can repeat the draw.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import comb
from statistics import median

from grokbench.records import Cell, Run, Timing
from grokbench.store import Store

__all__ = ["LONGEST", "Draw", "Replica", "chance", "draw"]

LONGEST = 20 * 60.0  # CPU-seconds, estimated from the measured pace, above which a replica is never drawn


@dataclass(frozen=True)
class Replica:
    """A replica that may be recomputed.

    Attributes:
        cell: the cell.
        run: the submitted run, without curves.
        seconds: the estimated CPU-seconds of training; None if no pace (seconds per epoch) is known.
    """

    cell: Cell
    run: Run
    seconds: float | None

    @property
    def name(self) -> str:
        """The cell and the seed, as sentences name the replica."""
        return f"{self.cell.name}, seed {self.run.seed}"


@dataclass(frozen=True)
class Draw:
    """The replicas to recompute.

    Attributes:
        drawn: the replicas, in the order of the draw.
        replicas: the number of replicas that the submitter trained, including those that cannot be drawn.
        long: the number of those that take more than LONGEST.
        without_pace: the number of those whose seconds cannot be estimated.
        unchecked: the names of the cells without a replica that can be drawn.
    """

    drawn: tuple[Replica, ...]
    replicas: int
    long: int
    without_pace: int
    unchecked: tuple[str, ...]


def draw(store: Store, files: Mapping[str, bytes], base: str, count: int, reference: Store | None = None) -> Draw:
    """Draw replicas by the hash of the folder and the base commit; rows of the reference are never drawn.

    Args:
        store: the submission.
        files: its files, name -> content.
        base: the base commit of the pull request.
        count: the number of replicas.
        reference: committed results, whose pace is used for rows that were not timed.
    """
    own = list(_own(store, reference))
    possible = [each for each in own if each.seconds is not None and each.seconds <= LONGEST]
    seed = _digest(files) + base
    order = sorted(possible, key=lambda each: _hash(f"{seed} {each.run.identity} {each.run.seed}"))
    long = sum(each.seconds is not None and each.seconds > LONGEST for each in own)
    drawable = {each.cell.identity for each in possible}
    unchecked = dict.fromkeys(each.cell.name for each in own if each.cell.identity not in drawable)
    return Draw(tuple(order[:count]), len(own), long, sum(each.seconds is None for each in own), tuple(unchecked))


def chance(altered: int, drawn: int, replicas: int) -> float:
    """Compute the probability that a draw without replacement contains at least one altered replica.

    Args:
        altered: the number of altered replicas.
        drawn: the number of drawn replicas.
        replicas: the number of all replicas.
    """
    altered, drawn = min(altered, replicas), min(drawn, replicas)
    return 1.0 - comb(replicas - altered, drawn) / comb(replicas, drawn)


def _own(store: Store, reference: Store | None) -> Iterator[Replica]:
    """Yield the replicas that the submitter trained, one for each recipe and seed."""
    paces = _paces(reference) if reference else {}
    mine = {timing.identity: pace for timing in store.timings() if (pace := _pace(timing)) is not None}
    of_task = _paces(store)
    for cell in {cell.identity: cell for cell in store.manifest.cells}.values():
        pace = mine.get(cell.identity, of_task.get(cell.task, paces.get(cell.task)))
        for run in store.runs_of(cell, store.manifest.seeds):
            if not run.reference:
                yield Replica(cell, run, None if pace is None else pace * run.epochs + run.prepare_seconds)


def _paces(store: Store) -> dict[str, float]:
    """Return task -> the seconds per epoch of its slowest timed row, for rows that were not timed."""
    tasks, found = {cell.identity: cell.task for cell in store.manifest.cells}, dict[str, float]()
    for timing in store.timings():
        if (pace := _pace(timing)) is not None:
            task = tasks[timing.identity]
            found[task] = max(pace, found.get(task, 0.0))
    return found


def _pace(timing: Timing) -> float | None:
    """Return the CPU-seconds per epoch of a timing; if they were not measured, its wall-clock seconds."""
    rounds = timing.cpu_seconds_per_epoch or timing.seconds_per_epoch
    return median(rounds) if rounds and timing.refused is None else None


def _digest(files: Mapping[str, bytes]) -> str:
    """Hash the names and contents of all files."""
    return _hash("".join(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in sorted(files)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
