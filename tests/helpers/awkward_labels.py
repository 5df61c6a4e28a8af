"""A results folder with every kind of label and text that is hard to escape."""

import math
from dataclasses import replace

from grokbench.records import Cell, Curve, Manifest, Outcome, Published, Skip, Timing
from grokbench.store import Store

from .result_folders import BASELINE, FASTER, HERE, SEEDS, SLOWER, a_run, recipe_of

TASK = "tâsk_%&<script>"
SPECIAL = "[a]_%&#${}~^\\<x>"
UNICODE = "λ-中文 é ñ ő ß"
QUOTED = "*star|\"q\" `t` -- ''"
FORMULA = "=SUM(A1,B2)"
EPOCHS = {
    "baseline": BASELINE,
    SPECIAL: FASTER,
    UNICODE: [epochs + 3 for epochs in FASTER],
    QUOTED: [epochs + 60 for epochs in FASTER],
    FORMULA: SLOWER,
    "never": [None] * 8,
    "broken": FASTER,
}
ERROR = 'Traceback (most recent call last):\n  File "x", line 1\nRuntimeError: a, "b"'
VALUES = (math.nan, 5e-324, math.inf, -math.inf, 0.1 + 0.2, -0.0)


def cell_of(label, number):
    """A cell whose file name is harmless."""
    return Cell(TASK, label, f"c{number}", recipe_of(label), 200, 2, {"test_accuracy": "higher", "a|b,\n": None})


def make(directory):
    """A folder of seven methods, one with a failed and a missing replica, and a method that the suite skips."""
    cells = [cell_of(label, number) for number, label in enumerate(EPOCHS)]
    manifest = Manifest(
        suite="awkward_%&_中",
        description="",
        baseline="baseline",
        seeds=SEEDS,
        cells=tuple(cells),
        skipped=(Skip(TASK, "sam", "100% \\ {bad} & <b>"),),
        published=Published('Tab. 1 & "λ"', {TASK: {"baseline": 100.0, SPECIAL: 50.0}}),
    )
    with Store.open(directory, manifest) as store:
        for cell in cells:
            for seed, epochs in zip(SEEDS, EPOCHS[cell.regularizer], strict=True):
                if (cell.regularizer, seed) != ("broken", 1004):
                    store.save(_broken(a_run(cell, seed, epochs)))
            store.save_timing(Timing(cell.identity, (0.1, 0.12, 0.11), HERE))
    return directory


def _broken(run):
    curves = {"test_accuracy": Curve(tuple(range(0, 12, 2)), VALUES), "a|b,\n": Curve((0,), (1.5,))}
    if (run.identity, run.seed) == ("c6", 1003):
        return replace(run, outcome=Outcome.FAILED, grokked_at=None, error=ERROR, provenance={}, final={})
    return replace(run, curves=curves, provenance={**HERE, "git": {"commit": "abc", "dirty": run.seed == 1000}})
