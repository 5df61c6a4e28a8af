"""A suite that was never run, for checking observers. It has every outcome, and labels that cannot be file names."""

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from grokbench.events import Progress
from grokbench.records import Cell, Curve, Manifest, Outcome, Planned, Recipe, Run, Use
from grokbench.runner import pipeline
from grokbench.store import Store

__all__ = ["EVALUATIONS", "Event", "FakeSuite", "fake_suite"]

EVALUATIONS = 1000  # evaluations of a long replica
LABELS = (("parity", "baseline"), ("parity", "../a b[x=0.1]"), ("<b>ä/..", "baseline"))
OUTCOMES = (  # outcome, grokked_at, memorised_at, the last value of every metric
    (Outcome.GROKKED, 4, 2, 1.0),
    (Outcome.GROKKED, 0, None, 1.0),
    (Outcome.CENSORED, None, None, 0.5),
    (Outcome.DIVERGED, None, 2, float("nan")),
)
ERROR = "Traceback (most recent call last):\nRuntimeError: fake"

Event = tuple[str, tuple[Any, ...]]  # a field of `Observer`, and its arguments


@dataclass(frozen=True)
class FakeSuite:
    """A results folder, and the events that observers receive about it.

    Attributes:
        store: the results folder.
        planned: all cells and seeds of the suite.
    """

    store: Store
    planned: Planned

    def complete(self) -> Iterator[Event]:
        """Yield the events of a command that trains all cells except the first, which an earlier command trained."""
        first, *others = self.planned.cells
        yield "begin", (self.planned,)
        yield from (("stored", (run, first)) for run in self._runs(first))
        for cell in others:
            yield "progress", (Progress(cell, self.planned.seeds, 1, 3),)
            yield from (("finished", (run, cell)) for run in self._runs(cell))
        yield from self._end()

    def repeated(self) -> Iterator[Event]:
        """Yield the events of the same command repeated, with nothing left to train."""
        yield "begin", (self.planned,)
        yield from (("stored", (run, cell)) for cell in self.planned.cells for run in self._runs(cell))
        yield from self._end()

    def interrupted(self) -> Iterator[Event]:
        """Yield the events of a command that is interrupted at once."""
        yield "begin", (self.planned,)
        yield "close", ()

    def long_curves(self) -> Iterator[Event]:
        """Yield the events of two replicas with four long curves each."""
        cell, epochs = self.planned.cells[0], tuple(range(EVALUATIONS))
        curves = {f"metric_{i}": Curve(epochs, (0.5,) * EVALUATIONS) for i in range(4)}
        yield "begin", (self.planned,)
        for run in self._runs(cell)[:2]:
            yield "finished", (replace(run, epochs=EVALUATIONS, curves=curves), cell)
        yield "close", ()

    def _runs(self, cell: Cell) -> list[Run]:
        return self.store.runs_of(cell, self.planned.seeds, curves=True)

    def _end(self) -> Iterator[Event]:
        yield "end", (pipeline.judge(self.store),)
        yield "close", ()


@contextmanager
def fake_suite() -> Iterator[FakeSuite]:
    """Make the suite in a temporary folder, which is the current folder within the block: observers may write there."""
    cells, seeds = tuple(_cell(*labels) for labels in LABELS), tuple(range(1000, 1001 + len(OUTCOMES)))
    with TemporaryDirectory() as directory, chdir(directory):
        folder = Path("runs", "fake_suite")
        with Store.open(folder, Manifest("fake_suite", "never run", "baseline", seeds, cells)) as store:
            for run in (run for cell in cells for run in _runs(cell, seeds)):
                store.save(run)
            yield FakeSuite(store, Planned(store.manifest, cells, seeds, folder))


def _cell(task: str, regularizer: str) -> Cell:
    recipe = Recipe(task=Use("parity", {"bits": 8, "sizes": [1, 2]}), evaluate_every=2)
    identity = (task + regularizer).encode().hex()
    return Cell(task, regularizer, identity, recipe, 4, 2, {"test_accuracy": "higher", "weight_norm": None})


def _runs(cell: Cell, seeds: tuple[int, ...]) -> Iterator[Run]:
    """Yield a replica of every outcome; a failed one has no curves."""
    for seed, (outcome, grokked_at, memorised_at, last) in zip(seeds, OUTCOMES, strict=False):
        curves = {"test_accuracy": Curve((0, 2, 4), (0.5, 0.5, last)), "weight_norm": Curve((0, 4), (1.5, last))}
        final = dict.fromkeys(curves, last)
        yield Run(cell.identity, seed, outcome, grokked_at, memorised_at, 4, final, curves)
    yield Run(cell.identity, seeds[-1], Outcome.FAILED, None, None, 0, error=ERROR)
