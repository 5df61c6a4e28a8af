"""Results folders with curves: small ones, ones of many methods, and ones with hardly any runs."""

import math
from dataclasses import replace

from grokbench.records import Cell, Curve, Manifest, Outcome, Recipe, Run, Skip, Timing, Use
from grokbench.store import Store

from .awkward_labels import FORMULA, QUOTED, SPECIAL, UNICODE
from .result_folders import HERE

SEEDS = tuple(range(1000, 1006))
CODE = ("</script><script>alert(1)//", "datum.x}'\"; `${1}`", "method[strength=0.01]")
STRANGE = (SPECIAL, UNICODE, QUOTED, FORMULA, *CODE)
FEW = {
    "baseline": [60, 70, 80, None, 64, 66],
    "faster": [20, 24, 30, 28, 26, 22],
    "slower": [90, None, None, 96, 94, 92],
}
BUDGET, EVERY = 100, 2
CRITERION = {"test_accuracy": "> 0.9"}


def a_cell(task, method, number, grokked):
    recipe = Recipe(task=Use(task, {}), grokked=grokked)
    metrics = {"test_accuracy": "higher", "train_accuracy": "higher", "loss": "lower"}
    return Cell(task, method, f"c{number}", recipe, BUDGET, EVERY, metrics)


def a_run(cell, seed, at):
    """A run that grokked at this epoch; not by the budget (None); or that diverged at 40 ("diverged")."""
    outcome = {None: Outcome.CENSORED, "diverged": Outcome.DIVERGED}.get(at, Outcome.GROKKED)
    end = {None: BUDGET, "diverged": 40}.get(at, at)
    epochs = tuple(range(0, end + 1, EVERY))
    risen = [min(1.0, epoch / (at if outcome is Outcome.GROKKED and at else 200)) for epoch in epochs]
    curves = {
        "test_accuracy": Curve(epochs, tuple(risen)),
        "train_accuracy": Curve(epochs, tuple(min(1.0, 3 * value) for value in risen)),
        "loss": Curve(epochs, tuple(math.exp(-9 * value) for value in risen)),
    }
    if outcome is Outcome.DIVERGED:
        curves = {label: replace(curve, values=(*curve.values[:-1], math.nan)) for label, curve in curves.items()}
    final = {label: curve.values[-1] for label, curve in curves.items()}
    grokked_at = at if outcome is Outcome.GROKKED else None
    return Run(cell.identity, seed, outcome, grokked_at, None, end, final, curves, group=SEEDS, provenance=HERE)


def make(directory, methods=FEW, tasks=("parity",), seeds=SEEDS, timed=True, skipped=(), failed=(), grokked=CRITERION):
    """A folder of methods (label -> epochs by seed), alike on every task; the runs `failed` (label, seed) failed."""
    pairs = [(task, label) for task in tasks for label in methods]
    cells = tuple(a_cell(task, label, number, grokked) for number, (task, label) in enumerate(pairs))
    skips = tuple(Skip(task, label, "why not") for task, label in skipped)
    with Store.open(directory, Manifest("drawn", "", "baseline", tuple(seeds), cells, skips)) as store:
        for cell in cells:
            for seed, at in zip(seeds, methods[cell.regularizer], strict=False):
                run = a_run(cell, seed, at)
                if (cell.regularizer, seed) in failed:
                    run = replace(run, outcome=Outcome.FAILED, grokked_at=None, error="boom", curves={}, final={})
                store.save(run)
            if timed:
                store.save_timing(Timing(cell.identity, (0.1, 0.11, 0.12, 0.1, 0.11, 0.13), HERE))
    return directory


def crowded(directory, methods=60):
    """A folder of so many methods, some with strange labels."""
    labels = ["baseline", *STRANGE, *(f"method{number}" for number in range(methods - len(STRANGE) - 1))]
    epochs = {label: [10 + i, 12 + i, 20 + i % 7, 30 + i, 14 + i, 15 + i] for i, label in enumerate(labels)}
    return make(directory, epochs)


AWKWARD = {
    "all censored": {"methods": {"baseline": [None] * 6, "faster": [None] * 6}},
    "one seed": {"seeds": SEEDS[:1]},
    "diverged": {"methods": {**FEW, "wild": ["diverged"] * 6, "half": [20, "diverged", 40, 60, "diverged", 50]}},
    "failed": {"failed": {("faster", 1001), ("slower", 1003)}},
    "skipped": {"skipped": [("parity", "sam"), ("other", "sam")]},
    "strange labels": {"methods": {"baseline": [60] * 6, **{label: FEW["faster"] for label in STRANGE}}},
    "at the start": {"methods": {"baseline": [0] * 6, "faster": [0] * 6, "slower": [0, 2, 4, None, 2, 2]}},
    "no timings": {"timed": False},
    "not all begun": {"methods": {"baseline": [60, 70], "faster": []}},
    "baseline not begun": {"methods": {"baseline": [], "faster": FEW["faster"]}},
}
