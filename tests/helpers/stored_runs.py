"""A results folder of two cells, made in Python, and a run to save in it."""

import math
from dataclasses import replace

from grokbench.records import Cell, Curve, Manifest, Origin, Outcome, Recipe, Run, Use
from grokbench.store import Store

RECIPE = Recipe(task=Use("xor", {"lr": 0.1}), regularizers=(Use("baseline", {}, revision=1),))
METRICS, ORIGINS = {"test_accuracy": "higher"}, {"xor": Origin("built_in", digests={1: "11", 2: "22"})}
CELLS = tuple(
    Cell("xor", name, f"c{name}", RECIPE, 100, 2, METRICS, privileges=("loss",), origins=ORIGINS)
    for name in ("baseline", "grokalign")
)
EXECUTION = {"device": "cpu", "threads": (1, 2)}
MANIFEST = Manifest("tiny", "two cells", "baseline", (1000, 1001), CELLS, execution=EXECUTION)


def a_run(cell=CELLS[0], seed=1000, outcome=Outcome.GROKKED, grokked_at=40, epochs=None, **changes):
    if outcome is not Outcome.GROKKED:
        grokked_at = None
    epochs = epochs or grokked_at or 40
    measured = sum(epoch <= epochs for epoch in (0, 20, 40))
    curves = {"test_accuracy": Curve((0, 20, 40)[:measured], (0.5, math.nan, 0.99)[:measured])}
    memorised, final = min(10, epochs), {"test_accuracy": 0.99}
    run = Run(cell.identity, seed, outcome, grokked_at, memorised, epochs, final, curves, group=(1000, 1001))
    return replace(run, **changes)


def opened(directory, manifest=MANIFEST):
    """The folder after a process has opened it for writing and ended."""
    with Store.open(directory, manifest) as store:
        return store
