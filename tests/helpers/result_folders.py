"""Results folders made by hand: without training, with any epochs, and with files edited as by a user's accident."""

import json

from grokbench.records import Cell, Manifest, Outcome, Recipe, Run, Timing, Use
from grokbench.store import Store

HERE = {
    "device": "cpu",
    "device_name": "a processor",
    "machine": "a processor, 2 cores",
    "torch": "2.9.0",
    "precision": "float32",
    "grokbench": "0.1.0",
    "engine": 1,
}
SEEDS = tuple(range(1000, 1008))
BASELINE, FASTER, SLOWER = (
    [100, 110, 120, 130, 140, 150, 160, 170],
    [50, 50, 70, 60, 80, 70, 90, 80],
    [180, 190, 200, None, 190, 180, 190, None],
)


def recipe_of(regularizer):
    """The recipe of a cell of the regularizer."""
    return Recipe(task=Use("parity", {"bits": 8}), regularizers=(Use(regularizer, {}),))


def a_cell(regularizer, budget=200, **facts):
    """A cell of the task `parity`."""
    recipe, metrics = recipe_of(regularizer), {"test_accuracy": "higher"}
    return Cell("parity", regularizer, f"c{regularizer}", recipe, budget, 2, metrics, **facts)


def a_run(cell, seed, grokked_at, provenance=HERE, group=SEEDS):
    """A replica that grokked, or that reached its budget."""
    outcome = Outcome.CENSORED if grokked_at is None else Outcome.GROKKED
    epochs = grokked_at or cell.budget
    final = {"test_accuracy": 0.5 if grokked_at is None else 1.0}
    return Run(cell.identity, seed, outcome, grokked_at, 10, epochs, final, group=group, provenance=dict(provenance))


def make(directory, methods=None, cells=None, group=SEEDS, seeds=SEEDS, **provenance):
    """A folder of methods with these epochs, one for each seed; None: not grokked by the budget."""
    methods = methods or {"baseline": BASELINE, "faster": FASTER, "slower": SLOWER}
    cells = cells or [a_cell(method) for method in methods]
    made = HERE | provenance
    execution = {key: made[key] for key in ("device", "precision", "engine")}
    manifest = Manifest("tiny", "by hand", "baseline", tuple(seeds), tuple(cells), execution=execution)
    with Store.open(directory, manifest) as store:
        for cell in cells:
            for seed, epochs in zip(seeds, methods[cell.regularizer], strict=False):
                store.save(a_run(cell, seed, epochs, made, group))
            store.save_timing(Timing(cell.identity, (0.1, 0.1), made))
    return directory


def edit(file, change):
    """Change the first line of a JSON file; the lines after it stay."""
    first, *rest = file.read_text(encoding="utf-8").split("\n")
    data = json.loads(first)
    change(data)
    file.write_text("\n".join([json.dumps(data), *rest]), encoding="utf-8")


def edit_runs(directory, regularizer, **provenance):
    """Change the provenance of a method's runs."""
    for file in sorted((directory / "runs" / f"c{regularizer}").glob("*.json")):
        edit(file, lambda data: data["run"]["provenance"].update(provenance))
