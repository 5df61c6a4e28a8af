"""A small results folder: a real plan, with invented runs as training could have stored them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokbench.records import Cell, Curve, Outcome, Run, Timing
from grokbench.records.crossings import Crossings
from grokbench.runner.request import Plan, Request, resolve
from grokbench.store import Store

__all__ = ["SUITE", "Results", "make_plan", "make_results"]

SUITE = """\
suite: tiny
seeds: 1000-1005
baseline: baseline
tasks:
  parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 30, evaluate_every: 1, stop: {hold: 5}}
  other: {use: sparse_parity, bits: 9, width: 8, samples: 40, epochs: 30, grokked: {test_accuracy: "> 0.6"}}
regularizers:
  baseline: {}
  fast: {use: grokfast_ema, alpha: 0.8, lamb: 0.1}
  align: {use: grokalign, strength: 0.1, compare_to: [fast], optimizer: {lr: 0.02}}
metrics: {weight_norm: {every: 10}}
skip: [{task: other, regularizer: align, why: as an example}]
statistics: {primary: sign_flip, correction: holm, alpha: 0.05, confidence: 0.95, equivalence: 0.2}
published:
  source: a table
  epochs: {parity: {baseline: {mean: 20, std: 4, seeds: 5}, fast: 10}}
  seconds: {parity: {baseline: 2.5, fast: 1.25}}
"""
HERE = {
    "device": "cpu",
    "device_name": "a processor",
    "machine": "a processor, 2 cores",
    "torch": "2.9.0",
    "precision": "float32",
    "grokbench": "0.1.0",
    "engine": 1,
}


@dataclass(frozen=True)
class Results:
    """A results folder.

    Attributes:
        plan: the plan of the suite SUITE or of another suite.
        folder: the folder.
    """

    plan: Plan
    folder: Path

    @property
    def cell(self) -> Cell:
        """The first cell, whose files are fuzzed."""
        return self.plan.cells[0]

    @property
    def run(self) -> Path:
        """The file of its first replica."""
        return Store.load(self.folder).layout.run(self.cell.identity, self.plan.seeds[0])


def make_plan(folder: Path, text: str = SUITE, **options: Any) -> Plan:
    """Resolve a suite into a plan with the results folder `folder / "results"`.

    Args:
        folder: a folder for the suite.
        text: the suite.
        **options: other fields of the request.
    """
    suite = folder / "suite.yaml"
    suite.write_text(text, encoding="utf-8")
    return resolve(Request(str(suite), out=str(folder / "results"), device="cpu", **options))


def make_results(folder: Path, text: str = SUITE) -> Results:
    """Make a results folder in which every replica has ended, in one of several ways.

    Args:
        folder: an empty folder.
        text: the suite.
    """
    plan = make_plan(folder, text)
    with Store.open(plan.directory, plan.manifest) as store:
        for number, cell in enumerate(plan.cells):
            for seed in plan.seeds:
                store.save(_a_run(cell, seed, (7 * seed + 5 * number) % 40))
            store.save_timing(Timing(cell.identity, (0.1, 0.125, 0.11), HERE, 1000, (0.1, 0.125, 0.11)))
        store.look()
    return Results(plan, Path(plan.directory))


def _a_run(cell: Cell, seed: int, at: int) -> Run:
    facts: dict[str, Any] = {"group": (1000, 1001), "provenance": HERE | {"measured": dict(cell.measured)}}
    if at == 0:
        return Run(cell.identity, seed, Outcome.FAILED, None, None, 0, error="Traceback\nValueError: x", **facts)
    grokked = at <= cell.budget - 5
    epochs = at + 5 if grokked else cell.budget
    course = Crossings(first=at, lasting=at, watched=5, strict=at) if grokked else Crossings()
    curve = Curve((0, min(5, at), epochs), (0.5, float("nan"), 0.75))
    return Run(
        cell.identity, seed, Outcome.GROKKED if grokked else Outcome.CENSORED, at if grokked else None, 1, epochs,
        dict.fromkeys(cell.metrics, 0.75), dict.fromkeys(cell.metrics, curve), 0.5, crossings=course, **facts,
    )  # fmt: skip
