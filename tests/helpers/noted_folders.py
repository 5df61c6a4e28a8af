"""Results folders with a note of every kind."""

from dataclasses import replace

from grokbench.records import (
    Crossings,
    Curve,
    Manifest,
    Mark,
    MarkKind,
    Outcome,
    Published,
    Run,
    Skip,
    Statistics,
    Timing,
)
from grokbench.store import Store

from .result_folders import HERE, a_cell, a_run

SEEDS = (1000, 1001, 1002, 1003)
BASELINE = (100, 110, 120, 130)
ELSEWHERE = HERE | {"device": "cuda", "device_name": "a GPU"}
CLOCK, OTHER_CLOCK = HERE | {"timed_at": "noon"}, HERE | {"timed_at": "midnight"}
ROUNDS = (0.1, 0.11, 0.1, 0.1, 0.12, 0.1, 0.1)
EPOCHS = {  # method -> epochs by seed; None: not by the budget, "-": not run
    "faster": (50, 50, 70, 60),
    "constant": (90, 100, 110, 120),
    "sometimes": (90, None, 150, None),
    "never": (None,) * 4,
    "diverged": (50, 60, 70, "diverged"),
    "instant": (0, 50, 50, 50),
    "undelayed": (10, 10, 10, 10),
    "incomplete": (50, 60, "failed", "-"),
    "eager": (90, 95, 100, 105),
    "privileged": (90, 95, 100, 105),
    "otherwise": (91, 95, 100, 105),  # on other images than the baseline
    "committed": (79, 80, 90, 90),  # copied from a reference folder
    "remote": (80, 80, 90, 90),
    "distant": (81, 82, 90, 90),
    "mistimed": (81, 82, 90, 91),
    "moved": (81, 82, 90, 92),
    "removed": (81, 82, 91, 92),
    "unsteady": (81, 83, 90, 92),
    "untimed": (81, 84, 90, 92),
    "rotated": (82, 83, 90, 92),
    "forgetful": (83, 84, 90, 93),
    "decayed": (60, 60, 70, 60),
    "lopsided": (99, 109, 119, 70),  # all faster, one by far: not significant by the t test
    "idle": BASELINE,
}
TASKS = {  # task -> the epochs of its baseline, and those of its methods
    "parity": (BASELINE, EPOCHS),
    "hard": ((100, None, 120, None), {"faster": (50, 60, 70, 80), "sometimes": (90, None, 110, 150)}),
    "short": ((15, 15, 16, 17), {"faster": (10, 10, 10, 10)}),
    "held": (BASELINE, {"brief": (50, 60, 70, 80)}),
    "hopeless": ((None,) * 4, {"never": (None,) * 4}),
}
MARKS = (Mark(MarkKind.SETTING, "weight_decay", 0.1, 1.0), Mark(MarkKind.UPDATE, "hidden matrices"))
PUBLISHED = {"baseline": 100.0, "faster": 50.0, "constant": 99.0, "never": 30.0}


def make(directory, seeds=SEEDS, provenance=HERE, budget=200, baselines=True):
    """A folder with a note of every kind that a leaderboard with these statistics has."""
    planned = [(task, method) for task, (_, methods) in TASKS.items() for method in ("baseline", *methods)]
    cells = [_cell(task, method, budget) for task, method in planned if baselines or method != "baseline"]
    manifest = Manifest(
        suite="tiny",
        description="",
        baseline="baseline",
        seeds=tuple(seeds),
        cells=tuple(cells),
        skipped=(Skip("parity", "sam", "unstable"),),
        statistics=Statistics(equivalence=0.5),
        published=Published("Table 1", {"parity": PUBLISHED}, metrics={"test_accuracy": {"parity": {"faster": 0.9}}}),
        execution={key: provenance[key] for key in ("device", "precision", "engine")},
    )
    with Store.open(directory, manifest) as store:
        for cell in cells:
            before, methods = TASKS[cell.task]
            epochs = before if cell.regularizer == "baseline" else methods[cell.regularizer]
            for seed, end in zip(seeds, epochs, strict=False):
                if end != "-":
                    store.save(_run(cell, seed, end, provenance))
            store.save_timing(_timing(cell))
    return directory


def _cell(task, method, budget):
    cell = a_cell(method, budget, privileges=("extra_labels",) if method == "privileged" else ())
    if method == "decayed":
        cell = replace(cell, marks=MARKS, compare_to=("faster", "incomplete", "sam"))
    recipe = replace(cell.recipe, stop={"hold": 10}) if task == "held" else cell.recipe
    if method == "rotated":
        recipe = replace(recipe, task=replace(recipe.task, parameters={"coordinates": "rotated"}))
    return replace(cell, task=task, identity=f"c{method}{task}", recipe=recipe)


def _run(cell, seed, end, provenance):
    made = ELSEWHERE if cell.regularizer in ("remote", "distant") else provenance
    if cell.regularizer in ("baseline", "otherwise"):
        made = made | {"data": {"mnist": ("a" if cell.regularizer == "baseline" else "b") * 64}}
    made = made | ({"reference": "tiny"} if cell.regularizer == "committed" else {})
    made = made | ({"pace": "trained step by step: no graph was captured"} if cell.regularizer == "eager" else {})
    if end in ("diverged", "failed"):
        outcome, error = Outcome(end), "Traceback" if end == "failed" else None
        return Run(cell.identity, seed, outcome, None, None, 50, group=SEEDS, provenance=made, error=error)
    epochs = cell.budget if end is None else end
    run = replace(a_run(cell, seed, None, made), epochs=epochs, memorised_at=10 if epochs >= 10 else None)
    if cell.regularizer in ("baseline", "idle"):
        run = replace(run, curves={"test_accuracy": Curve((0, epochs), (0.5, 0.9 + seed / 1e6))})
    if cell.task == "held":  # `brief` loses its grokking until after the baseline has its own
        lasting = end + 100 if cell.regularizer == "brief" else end
        run = replace(run, epochs=lasting + 10, crossings=Crossings(first=end, lasting=lasting, watched=9))
    if cell.regularizer == "forgetful":
        crossings = Crossings(first=end, watched=9, below=3, below_at=end, not_finite_at=end, lost=1, lost_at=end)
        run = replace(run, crossings=crossings)
    return run if end is None else replace(run, outcome=Outcome.GROKKED, grokked_at=end)


def _timing(cell):
    clock = {
        "mistimed": OTHER_CLOCK,
        "moved": ELSEWHERE | CLOCK | {"machine": "another"},
        "removed": ELSEWHERE | CLOCK | {"machine": "another"},
    }
    if cell.regularizer == "untimed":
        return Timing(cell.identity, (), CLOCK, refused=0.5)
    rounds = (*ROUNDS[:5], 0.5, 0.6) if cell.regularizer == "unsteady" else ROUNDS
    return Timing(cell.identity, rounds, clock.get(cell.regularizer, CLOCK))


LENIENT = Statistics(confidence=0.7)  # so that three pairs have an interval
PAIRED_T = Statistics(primary="paired_t", correction="none", alpha=0.2)  # four seeds have an 80% interval
