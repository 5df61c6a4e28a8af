"""Results folders for reports, with curves of every seed; each has another difficulty."""

import json
import math
from dataclasses import replace

from grokbench.records import Cell, Curve, Manifest, Outcome, Run, Skip, Timing
from grokbench.store import Store

from . import awkward_labels
from .result_folders import BASELINE, FASTER, HERE, SEEDS, SLOWER, recipe_of

ACTS = "</script><script>alert(1);ran=1</script><img src='http://h.invalid/' onerror='ran=1'>"
HOSTILE = f"{ACTS}\u2028\u202e\x1b'\"&amp;"
BUDGET, EVERY = 200, 2
TIMES = {"baseline": BASELINE, "faster": FASTER, "slower": SLOWER}


def make(directory, methods=TIMES, tasks=("parity",), seeds=SEEDS, skipped=(), **manifest):
    """A folder of methods with these epochs by seed in each task.

    None: not grokked by the budget; or "diverged", or "failed". Seeds missing at the end are not run.
    """
    labels = [(task, method) for task in tasks for method in methods]
    cells = [_cell(task, method, f"c{number}") for number, (task, method) in enumerate(labels)]
    facts = {"suite": "example", "description": "made by hand", "baseline": next(iter(methods))} | manifest
    execution = {key: HERE[key] for key in ("device", "precision", "engine")}
    planned = Manifest(seeds=tuple(seeds), cells=tuple(cells), skipped=tuple(skipped), execution=execution, **facts)
    with Store.open(directory, planned) as store:
        for cell in cells:
            for seed, end in zip(seeds, methods[cell.regularizer], strict=False):
                store.save(_run(cell, seed, end))
            if methods[cell.regularizer]:
                store.save_timing(Timing(cell.identity, (0.1, 0.12, 0.11), HERE))
    return directory


def _cell(task, method, identity):
    recipe = replace(recipe_of(method), grokked={"test_accuracy": "> 0.9"})
    metrics = {"train_accuracy": "higher", "test_accuracy": "higher", "weight_norm": None}
    return Cell(task, method, identity, recipe, BUDGET, EVERY, metrics)


def _run(cell, seed, end):
    """A replica with curves that rise until it ends."""
    if end == "failed":
        return Run(
            cell.identity,
            seed,
            Outcome.FAILED,
            None,
            None,
            0,
            {},
            group=SEEDS,
            provenance=HERE,
            error=f"Error: {HOSTILE}",
        )
    outcome = {None: Outcome.CENSORED, "diverged": Outcome.DIVERGED}.get(end, Outcome.GROKKED)
    grokked_at = end if outcome is Outcome.GROKKED else None
    last = grokked_at or BUDGET
    epochs = tuple(range(0, last + 1, EVERY))
    best = 0.95 if grokked_at else 0.6
    curves = {
        "train_accuracy": Curve(epochs, tuple(min(1.0, 0.5 + epoch / 40) for epoch in epochs)),
        "test_accuracy": Curve(epochs, tuple(0.5 + (best - 0.5) * (epoch / last) ** 4 for epoch in epochs)),
        "weight_norm": Curve(epochs, tuple(3.0 + seed % 7 + math.log1p(epoch) for epoch in epochs)),
    }
    final = {label: curve.values[-1] for label, curve in curves.items()}
    memorised = min(last, 20)
    return Run(
        cell.identity, seed, outcome, grokked_at, memorised, last, final, curves=curves, group=SEEDS, provenance=HERE
    )


def damaged(directory):
    """A folder with one truncated run, and one that is not JSON."""
    make(directory)
    first, second = sorted((directory / "runs" / "c1").iterdir())[:2]
    first.write_bytes(first.read_bytes()[:40])
    second.write_text("nothing")
    return directory


def hostile(directory):
    """A folder with markup in every text."""
    methods = {"baseline": BASELINE, HOSTILE: [*FASTER[:7], "failed"]}
    skip = Skip(HOSTILE, "sam", HOSTILE)
    make(directory, methods, tasks=(HOSTILE,), skipped=[skip], suite=HOSTILE, description=HOSTILE)
    file = directory / "manifest.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    source = {"source": HOSTILE, "epochs": {HOSTILE: {"baseline": 100.0, HOSTILE: 50.0}}}
    source["metrics"] = {HOSTILE: {HOSTILE: {HOSTILE: 0.5}}}
    data["manifest"]["published"] = source
    for cell in data["manifest"]["cells"]:
        cell["recipe"]["task"]["parameters"][HOSTILE] = HOSTILE
        cell["metrics"][HOSTILE] = None
    file.write_text(json.dumps(data), encoding="utf-8")
    return directory


def _many(directory):
    """More methods than there are colours."""
    sweep = {f"grokalign[strength={i / 10:g}]": [max(22, epochs - 2 * i) for epochs in BASELINE] for i in range(19)}
    return make(directory, {"baseline": BASELINE} | sweep, tasks=("a_task_with_a_name_as_long_as_this_one", "素数の和"))


FOLDERS = {  # difficulty -> a function that makes the folder
    "awkward": awkward_labels.make,
    "hostile": hostile,
    "damaged": damaged,
    "many": _many,
    "several": lambda directory: make(directory, tasks=("parity", "addition")),
    "censored": lambda directory: make(directory, {method: [None] * 8 for method in TIMES}),
    "one_seed": lambda directory: make(directory, {"baseline": [100], "faster": [50]}, seeds=SEEDS[:1]),
    "diverged": lambda directory: make(
        directory, TIMES | {"wild": ["diverged"] * 8, "half": [*FASTER[:7], "diverged"]}
    ),
    "failed": lambda directory: make(directory, TIMES | {"broken": [*FASTER[:6], "failed"], "all": ["failed"] * 8}),
    "skipped": lambda directory: make(directory, skipped=[Skip("parity", "sam", "not for this task")]),
    "nothing": lambda directory: make(directory, dict.fromkeys(TIMES, [])),
    "alone": lambda directory: make(directory, {"baseline": BASELINE}),
}
